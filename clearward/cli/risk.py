"""``clearward risk``: what any table gives away, and how a product's release was judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clearward.cli.show import console, show_facts, show_rows
from clearward.releases.evidence import read_risk
from clearward.settings import load_settings

if TYPE_CHECKING:
    from clearward.risk.table import TableRisk

app = typer.Typer(
    no_args_is_help=True,
    help="""Re-identification risk: of any table of yours, and of a product's month.

  clearward risk measure people.csv --quasi-identifiers sex,birth_year,region\n
  clearward risk measure people.csv --quasi-identifiers sex,age --sensitive diagnosis\n
  clearward risk gates cardiology --month 2024-05     every value beside its bound
""",
)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def measure(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV; one row per patient.")],
    quasi_identifiers: Annotated[str, typer.Option(help="Columns an attacker knows: a,b,c.")],
    sensitive: Annotated[str, typer.Option(help="Columns an attacker wants to know.")] = "",
    unit: Annotated[str, typer.Option(help="Column that names the patient.")] = "",
    population: Annotated[
        str, typer.Option(help="People it was drawn from: a number, or a file with these columns.")
    ] = "",
    hierarchies: Annotated[
        str, typer.Option(help="Hierarchies of sensitive columns: a=a.csv,b=b.csv.")
    ] = "",
    subsets: Annotated[bool, typer.Option(help="Try every subset of quasi-identifiers.")] = False,
    as_json: Json = False,
) -> None:
    """Measure one table; for whoever holds it, not for publication: small counts are shown."""
    from clearward.risk.table import measure_table  # noqa: PLC0415 - SciPy, for this command alone

    found = measure_table(
        load_settings(),
        file,
        _names(quasi_identifiers),
        sensitive=_names(sensitive),
        unit=unit or None,
        population=_population(population),
        hierarchies=_hierarchies(hierarchies),
        subsets=subsets,
    )
    if as_json:
        print(json.dumps(found.metadata(), indent=1, ensure_ascii=False))
        return
    _show(file.name, found)


@app.command()
def gates(
    product: str,
    month: Annotated[str, typer.Option(help="YYYY-MM of the protected tables.")],
    as_json: Json = False,
) -> None:
    """How the privacy gates judged a product's month: every value beside its bound."""
    document = read_risk(load_settings(), product, month=month)
    shown = ("gate", "check", "subject", "value", "high", "bound", "state")
    rows = [{name: _short(check.get(name)) for name in shown} for check in document["checks"]]
    show_rows(f"Privacy gates of {product} {month}", rows, as_json=as_json)


def _show(name: str, found: TableRisk) -> None:
    facts: dict[str, Any] = found.risk.metadata()
    if found.pitman is not None:
        facts |= {
            "population_uniques_pitman": found.pitman,
            "population_uniques_zayatz": found.zayatz,
        }
    if found.journalist:
        facts |= {"journalist_highest": found.journalist.highest}
        facts |= {"journalist_average_marketer": found.journalist.average}
    if found.presence:
        facts |= {"presence_least": found.presence.low, "presence_most": found.presence.high}
    facts |= {f"t_hierarchical_{name}": t for name, t in found.t_hierarchical.items()}
    facts["direct_identifiers"] = json.dumps(found.identifiers.values) or "none"
    facts["columns_named_like_identifiers"] = ", ".join(found.identifiers.named) or "none"
    show_facts(name, {key: _short(value) for key, value in facts.items()}, as_json=False)
    if found.diversity:
        rows = [{k: _short(v) for k, v in vars(d).items()} for d in found.diversity.values()]
        show_rows("Sensitive columns, worst class", rows, as_json=False)
    attacks = [
        {
            "attack": f"{a.name} {a.subject}".strip(),
            "targets": a.targets,
            "success": _short(a.attack.point),
            "control": _short(a.control.point),
            "advantage": _short(a.advantage.point),
            "up_to": _short(a.advantage.high),
        }
        for a in found.attacks.values()
    ]
    show_rows("Attacks, with the record and without it", attacks, as_json=False)
    if found.subsets:
        sets = [
            {
                "columns": ", ".join(s.columns),
                "distinction": s.distinction,
                "separation": s.separation,
            }
            for s in found.subsets
        ]
        show_rows("Sets of quasi-identifiers", sets, as_json=False)
    console.print("These figures are for whoever holds the table; they show small counts.")


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else "" if value is None else value


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _population(text: str) -> int | Path | None:
    if not text:
        return None
    return int(text.replace("_", "")) if text.replace("_", "").isdigit() else Path(text)


def _hierarchies(text: str) -> dict[str, Path]:
    given = (part.partition("=") for part in _names(text))
    return {name.strip(): Path(path.strip()) for name, _, path in given}
