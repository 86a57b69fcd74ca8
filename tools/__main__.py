"""`python -m tools` is `fanlight`."""

from tools.cli import main

if __name__ == "__main__":
    main()
