"""Neurological values made comparable: scores as numbers, spans in minutes, classes as words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from clearward.notes.clock import clock, minutes
from clearward.notes.finding import Reading
from clearward.notes.grammar import Value
from clearward.notes.numerals import number
from clearward.notes.ranges import plain, ranged

_DAYS = {"d": 1, "天": 1, "日": 1, "w": 7, "周": 7, "m": 30, "月": 30, "y": 365, "年": 365}
_GCS_PARTS = {"E": ("gcs_eye", 4), "V": ("gcs_verbal", 5), "M": ("gcs_motor", 6)}
_GCS_TOTAL, _GCS_HIGHEST_PART = ("gcs_total", 15), 6
_NIHSS_MOST = 4
# ILAE 2017: what each kind is a class of
_CLASS = {"FBTCS": "focal", "FIAS": "focal", "FAS": "focal", "focal": "focal", "GTC": "generalised",
          "absence": "generalised", "myoclonic": "generalised", "atonic": "generalised",
          "tonic": "generalised", "generalised": "generalised"}  # fmt: skip
_TOAST = ("LAA", "CE", "SVO", "other", "undet")
_AGENTS = ("alteplase", "tenecteplase", "prourokinase", "urokinase", "reteplase", "IVT")


def readings(attribute: str, value: Value) -> Iterator[Reading]:
    """One reading per value."""
    yield _FINDERS.get(attribute, plain)(value)


def _nihss(value: Value) -> Reading:
    item = value.label.removeprefix("i")
    if item in ("", "total"):
        return replace(ranged(value), laterality="")
    score = number(value.group("num") or "")
    refused = "" if score <= _NIHSS_MOST else "out_of_range"
    return Reading(score, method=item, attribute="nihss_item", laterality="",
                   code_key=value.label, refused=refused)  # fmt: skip


def _gcs(value: Value) -> Reading:
    score = number(value.group("num") or "")
    name, most = _GCS_PARTS.get(value.label, _GCS_TOTAL)
    if score > _GCS_HIGHEST_PART:
        name, most = _GCS_TOTAL  # "E4V5M6, 15": more than a part can be
    is_total = name == "gcs_total"
    refused = "out_of_range" if score > most or (is_total and score < 3) else ""
    if value.group("tube"):
        refused = "not_convertible"
    key = "T" if is_total else value.label
    return Reading(score, attribute=name, laterality="", code_key=key, refused=refused)


def _seizure(value: Value) -> Reading:
    kind = _named(value, tuple(_CLASS))
    return Reading(None, text=_CLASS[kind], method=kind)


def _frequency(value: Value) -> Reading:
    if value.group("free"):
        return Reading(0.0)
    every = value.group("word")
    if every:
        return Reading(_per_30_days(1.0, every.removeprefix("every ")))
    each = value.group("each")
    if each:
        return Reading(_per_30_days(1 / number(each), value.group("eachper") or ""))
    span = value.group("zeach")
    if span:
        count = number(value.group("zn5") or "") / number(span)
        return Reading(_per_30_days(count, value.group("zeachper") or ""))
    low = next(g for g in map(value.group, ("num", "zn", "zn3")) if g)
    high = next((g for g in map(value.group, ("num2", "zn2", "zn4")) if g), None)
    per = next(g for g in map(value.group, ("per", "zper", "zper2")) if g)
    first = _per_30_days(number(low), per)
    if high is None:
        return Reading(first)
    last = _per_30_days(number(high), per)
    return Reading(round((first + last) / 2, 2), first, last)


def _per_30_days(count: float, per: str) -> float:
    return round(count * 30 / _DAYS[per.lower()[0]], 2)


def _moment(value: Value) -> Reading:
    said = value.group("clock")
    if said:
        return Reading(None, text=clock(said))
    span = value.group("span") or value.group("zspan") or ""
    unit = value.group("unit") or value.group("zunit") or ""
    return Reading(minutes(span, unit))


def _toast(value: Value) -> Reading:
    return Reading(None, text=_named(value, _TOAST))


def _thrombolysis(value: Value) -> Reading:
    return Reading(None, text=_named(value, _AGENTS))


def _named(value: Value, names: tuple[str, ...]) -> str:
    return next(name for name in names if value.group(name))


_FINDERS: Mapping[str, Callable[[Value], Reading]] = {
    "nihss_total": _nihss,
    "gcs_total": _gcs,
    "seizure_type": _seizure,
    "seizure_frequency": _frequency,
    "onset_time": _moment,
    "last_known_well": _moment,
    "toast": _toast,
    "thrombolysis": _thrombolysis,
}
