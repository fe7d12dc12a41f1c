"""The process `throughline`, also `python -m app`: the command line, once all that it is made of is declared."""

from app import heap


def main() -> None:
    """Declare tables, shapes and doors; then run the command that the arguments name."""
    with heap.declaring():
        from app.cli import main as command  # noqa: PLC0415  this is what is declared
    command()


if __name__ == "__main__":
    main()
