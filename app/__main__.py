"""The process `throughline`, also `python -m app`: the command line, once all that it is made of is declared."""

import gc


def main() -> None:
    """Declare tables, shapes and doors without looking for garbage among them, now and later; then run the command."""
    gc.disable()
    from app.cli import main as command  # noqa: PLC0415  this is what is declared

    gc.freeze()
    gc.enable()
    command()


if __name__ == "__main__":
    main()
