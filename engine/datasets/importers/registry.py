"""The formats that can be imported, by name. A new one is a file and a line here."""

from __future__ import annotations

from engine.datasets.importers import air_bench, beir, bright, pair, trec
from engine.datasets.importers.base import Importer

IMPORTERS: dict[str, Importer] = {
    module.IMPORTER.name: module.IMPORTER for module in (air_bench, beir, bright, pair, trec)
}
