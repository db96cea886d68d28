"""The commands, and how errors leave the program.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted. An error is one line on stderr; a traceback
comes only with `--debug`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from admin import INTERRUPTED, data, demo, evaluate, index, llm, search, status, train

_interrupts: list[int] = []  # signals that came

# typer carries its own click and exports of its errors only this one, whose base they all share
USAGE_ERRORS: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


class InOrder(TyperGroup):
    """Lists the commands in the order in which one needs them."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(self.commands)


app = typer.Typer(
    cls=InOrder,
    name="python -m admin",
    help="Train, index, search and judge methods of personal retrieval and recommendation, side by side.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def main(
    debug: bool = typer.Option(False, "--debug", help="Show a traceback when something fails."),
) -> None:
    """Train, index, search and judge methods of personal retrieval and recommendation, side by side."""


app.command()(status.doctor)
app.command("methods")(status.methods)
app.command("status")(status.status)
app.add_typer(data.app, name="data")
app.command("demo")(demo.demo)
app.command("train")(train.train)
app.command("index")(index.index)
app.command("search")(search.search)
app.command("evaluate")(evaluate.evaluate)
app.command("score")(evaluate.score)
app.command("compare")(evaluate.compare)
app.command("export")(evaluate.export)
app.add_typer(llm.app, name="llm")


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    from engine.errors import QuintetError

    debug = "--debug" in arguments or bool(os.environ.get("QUINTET_DEBUG"))
    if "--debug" in arguments:  # may stand anywhere
        arguments = [a for a in arguments if a != "--debug"]
    try:
        code = app(args=arguments, standalone_mode=False)  # a typer.Exit comes back as its code
        if code == 130:  # and so does an interrupt
            raise KeyboardInterrupt
        sys.stdout.flush()  # a full disk or a closed pipe shows here
        return code if isinstance(code, int) else 0
    except QuintetError as error:
        if debug:
            raise
        return _fail(str(error), error.exit_code)
    except USAGE_ERRORS as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message(), file=sys.stderr)  # noqa: T201
            return 2
        context = getattr(error, "ctx", None)
        hint = f" See `{context.command_path} --help`" if context else ""
        return _fail(error.format_message().rstrip(".") + "." + hint, 2)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(INTERRUPTED, 130)
    except BrokenPipeError:  # `... | head`
        _drop_output()
        return 0
    except SystemExit as stop:
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        _drop_output()  # the same, which typer has made an exit of its own
        return 0
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.strerror:  # the machine's word, not a fault of the program
            where = error.filename or "the output"
            _drop_output()
            return _fail(f"{where}: {error.strerror.lower()}. Check the path, its permissions and the space there", 1)
        kind = f"{type(error).__name__}: {error}"[:300]
        return _fail(f"{kind}. A fault of ours (--debug shows where) or a damaged file (see `status --verify`)", 1)


def _fail(line: str, code: int) -> int:
    if _interrupts:  # whatever a library made of it
        line, code = INTERRUPTED, 130
    if bars := getattr(sys.modules.get("tqdm"), "tqdm", None):  # a bar that stands still would share the line
        for bar in list(bars._instances):
            bar.close()
    print("error: " + " ".join(line.split()), file=sys.stderr)  # noqa: T201
    return code


def _drop_output() -> None:
    """What is left in stdout's buffer cannot be written; without this, Python would complain of it at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main_program() -> int:
    """`run` as a program: Ctrl-C is told in one line whenever it comes; a second one does not wait for the tidying."""

    def interrupt(number: int, _: object) -> None:
        if _interrupts:
            os.write(2, f"error: {INTERRUPTED}\n".encode())
            os._exit(130)
        _interrupts.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115  (`>&-`; open until the process ends)
    sys.stderr = sys.stderr or sys.stdout
    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command is over: only threads and files are being closed
    if _interrupts and code:  # Python's own end may kill the process by the signal, and waits for busy threads
        sys.stderr.flush()
        os._exit(code)
    return code
