"""``python -m brokerkit``: the same as the command `brokerkit`."""

from .command_line import main

if __name__ == "__main__":
    main()
