"""The command line: thin doors to the same functions that Python has. Imports what a command needs when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tacit.app import proof_commands, sample_commands
from tacit.contracts.errors import TacitError

app = typer.Typer(
    help="Self-supervised learning for live data: point it at data, get an encoder and evidence; at a stream, insights in a browser.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

LEARNING = {  # module → package of the learning set
    "torch": "torch",
    "safetensors": "safetensors",
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "tokenizers": "tokenizers",
    "pyarrow": "pyarrow",
    "matplotlib": "matplotlib",
}

Source = Annotated[str, typer.Argument(help="host:, a CSV/JSON lines/Parquet file or a folder of them (also .gz), - for standard input, tail:FILE")]
Key = Annotated[str | None, typer.Option(help="Column(s) that say whose event it is, with commas.")]
Time = Annotated[str | None, typer.Option(help="Column of the event time.")]
Columns = Annotated[str, typer.Option(help="Columns to learn from, with commas; all usable ones by default.")]


@app.command()
def watch(
    source: Source,
    key: Key = None,
    time: Time = None,
    columns: Columns = "",
    speed: Annotated[str, typer.Option(help="Replay of files: max, 1x (as it happened), 60x.")] = "max",
    out: Annotated[list[str] | None, typer.Option(help="jsonl:- | jsonl:FILE | sqlite:FILE; several.")] = None,
    model: Annotated[Path | None, typer.Option(help="Folder to start from, save into and go on from exactly.")] = None,
    learn: Annotated[
        str | None, typer.Option(help="background | inline | off; files at full speed and tables: inline, all else: background.")
    ] = None,
    alerts: Annotated[str, typer.Option(help="Alert budget: 3/day, 1/hour, 20/week.")] = "3/day",
    dashboard: Annotated[bool, typer.Option(help="Serve the dashboard.")] = True,
    host: Annotated[str, typer.Option(help="Address of the dashboard; other than loopback needs --token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the dashboard.")] = 8765,
    token: Annotated[str | None, typer.Option(help="Token for the dashboard on other addresses.", envvar="TACIT_TOKEN")] = None,
    for_: Annotated[str | None, typer.Option("--for", help="Stop after so long: 60s, 5m, 2h.")] = None,
    until_end: Annotated[bool, typer.Option("--until-end", help="Leave when the source ends instead of keeping the dashboard up.")] = False,
    reorder: Annotated[str | None, typer.Option(help="Wait so long for events that come out of order: 5s.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first record that cannot be used.")] = False,
    sentences: Annotated[bool, typer.Option("--sentences", help="A sentence for every insight, not only for alerts.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
) -> None:
    """Turn a live stream into insights, learning as it goes."""
    from tacit.app.assemble import Wish
    from tacit.app.watching import Show, run_watch

    wish = Wish(source, key, time, columns, speed, out or [], model, learn, alerts, seed, reorder, strict, sentences)  # type: ignore[arg-type]
    run_watch(wish, Show(dashboard, host, port, token, for_, until_end))


@app.command()
def inspect(source: Source, key: Key = None, time: Time = None, columns: Columns = "") -> None:
    """Show what is found in a source: key, time, features, notes."""
    from tacit.app.watching import show_inspection

    show_inspection(source, key, time, columns)


@app.command()
def demo(
    speed: Annotated[str, typer.Option(help="1x as it happened, 60x, max.")] = "60x",
    port: Annotated[int, typer.Option(help="Port of the dashboard.")] = 8765,
    dashboard: Annotated[bool, typer.Option(help="Serve the dashboard.")] = True,
    until_end: Annotated[bool, typer.Option("--until-end", help="Leave at the end.")] = False,
    out: Annotated[list[str] | None, typer.Option(help="jsonl:- | jsonl:FILE | sqlite:FILE; several.")] = None,
    learn: Annotated[str | None, typer.Option(help="background | inline | off.")] = None,
) -> None:
    """Replay a real recording of a machine on which real faults were made."""
    from tacit.app.watching import run_demo

    run_demo(speed, port, dashboard, until_end, out or [], learn)


@app.command()
def feedback(
    episode: Annotated[int, typer.Argument(help="The alert's id.")],
    verdict: Annotated[str, typer.Argument(help="expected | problem")],
    url: Annotated[str, typer.Option(help="The dashboard of the running tacit.")] = "http://127.0.0.1:8765",
    token: Annotated[str | None, typer.Option(help="Its token, if it has one.", envvar="TACIT_TOKEN")] = None,
) -> None:
    """Say what an alert was: expected, or a real problem. Changes what comes after."""
    from tacit.app.watching import send_feedback

    send_feedback(episode, verdict, url, token)


@app.command()
def doctor(parts: Annotated[bool, typer.Option("--parts", help="List every task, encoder, protocol, … that can be named.")] = False) -> None:
    """Say what is installed, what is missing and how to get it."""
    from tacit.app.doctoring import examine, list_parts

    if parts:
        list_parts()
        return
    raise typer.Exit(examine())


for command in (*sample_commands.COMMANDS, *proof_commands.COMMANDS):
    app.command()(command)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        from tacit import __version__

        typer.echo(f"tacit {__version__}")
        raise typer.Exit


def run(arguments: list[str] | None = None) -> Any:
    """The console script: errors of ours as text and exit code 2, anything else is a bug and shows its traceback."""
    try:
        app(args=arguments, standalone_mode=True)
    except TacitError as e:
        sys.stderr.write(f"tacit: {e}\n")
        raise SystemExit(e.exit_code) from None
    except OSError as e:  # the disk, the rights, the length of a name: the world's failing, which a traceback would not explain
        sys.stderr.write(f"tacit: {str(e.filename or 'the system')[:200]}: {e.strerror or e}. Check the path, the rights and the space left.\n")
        raise SystemExit(TacitError.exit_code) from None
    except ModuleNotFoundError as e:
        package = LEARNING.get((e.name or "").partition(".")[0])
        if package is None:
            raise
        sys.stderr.write(
            f"tacit: this needs the package {package}, which is not installed. pip install 'tacit[learn]'; `tacit doctor` tells the rest.\n"
        )
        raise SystemExit(2) from None


if __name__ == "__main__":
    run()
