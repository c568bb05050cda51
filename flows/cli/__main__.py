"""`python -m flows.cli` is the `research` command."""

from flows.cli import console

if __name__ == "__main__":
    console()
