"""Foreign formats in, collections in the search layout out: the registry and the one function that imports.

Loading this package loads no numpy and no DuckDB, so that the command line can list the formats at once.
"""

from engine.datasets.importers.base import Importer
from engine.datasets.importers.registry import IMPORTERS
from engine.datasets.importers.run import import_dataset

__all__ = ["IMPORTERS", "Importer", "import_dataset"]
