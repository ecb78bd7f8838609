"""The design of a cluster as a drawing: who has sessions with whom, in which zones and racks, what hangs on one router.

    resources --design--> Design --picture--> Picture --layout--> Layout --svg, dot, page, data--> text
                             ^
    what speakers answer ----+ live

Rule: what is drawn is what the compiler makes of the resources, and what the topology proof says fails.
"""

from bgpctl.topology.design import Design, design_of
from bgpctl.topology.picture import Picture, picture_of

__all__ = ["Design", "Picture", "design_of", "picture_of"]
