"""The commands."""


def main() -> None:
    raise SystemExit("bgpctl: the commands come with the next commit")
