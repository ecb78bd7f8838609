"""A BGP peer that misbehaves on purpose: `python -m bgpctl.lab.misbehaviour BEHAVIOUR PEER ASN N`

It opens the session as any peer does (OPEN and KEEPALIVE, RFC 4271 8) with the node's own address, and then

    garbage    sends octets that are no BGP message, on each session anew
    flood      advertises N prefixes at once: beyond the limit if N is
    churn      advertises N prefixes over and over without a pause, each time with another MED
    slow       sends KEEPALIVE messages and never reads
    silent     sends nothing until the other side's hold time has expired

After the session has ended it is opened anew a second later, as a peer would do. IPv4 unicast; the prefixes are /32 of
198.18.0.0/15 (RFC 2544). Standard output has a line for each session and for each error.
"""

# The line that says that a session is up.
ESTABLISHED = "Established"
