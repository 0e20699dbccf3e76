"""Who imports whom: no circle, nothing that points back up, and the page of the packages says the same."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "elpa_core" / "README.md"
CORE, AIRFLOW_HALF = ROOT / "elpa_core", ROOT / "plugins" / "elpa_airflow"
_ROW = re.compile(r"^\| `(\w+)` \| .* \| (.*) \|$", re.MULTILINE)


def modules_of(folder):
    """Return the file of each module of a package."""
    return {
        ".".join((folder.name, *path.relative_to(folder).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for path in folder.rglob("*.py")
    }


def imports_in(source):
    """Return what a module imports anywhere in it, functions included, with line numbers."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{name.name}", node.lineno) for name in node.names)


def import_graph(folder):
    """Return the modules of the same package that each module imports."""
    modules = modules_of(folder)

    def module_of(name):
        return name if name in modules else name.rpartition(".")[0]

    return {
        module: {module_of(name) for name, _ in imports_in(path.read_text())} & modules.keys() - {module}
        for module, path in modules.items()
    }


def part_of(module):
    """Return the package, or the flat module, of a distribution that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def parts_graph(folder):
    graph = {}
    for module, imported in import_graph(folder).items():
        graph.setdefault(part_of(module), set()).update(map(part_of, imported))
    return {part: imported - {part, ""} for part, imported in graph.items() if part}


@pytest.mark.parametrize("graph_of", [import_graph, parts_graph])
@pytest.mark.parametrize("folder", [CORE, AIRFLOW_HALF], ids=lambda folder: folder.name)
def test_there_is_no_circle(folder, graph_of):
    graph = graph_of(folder)
    assert sum(map(len, graph.values())) > 5
    graphlib.TopologicalSorter(graph).prepare()


def test_the_page_lists_the_packages_and_what_each_imports():
    listed = {part: set(re.findall(r"`(\w+)`", imports)) for part, imports in _ROW.findall(PAGE.read_text())}
    assert listed == parts_graph(CORE)


def test_each_package_of_the_page_imports_only_those_above_it():
    above = set()
    for part, imports in _ROW.findall(PAGE.read_text()):
        assert set(re.findall(r"`(\w+)`", imports)) <= above, part
        above.add(part)


def test_the_core_knows_nothing_of_airflow():
    for path in modules_of(CORE).values():
        for name, line in imports_in(path.read_text()):
            assert name.partition(".")[0] not in {"airflow", "elpa_airflow"}, f"{path}:{line}"


def test_at_most_five_modules_lie_flat_and_none_is_over_400_lines():
    assert len(list(CORE.glob("*.py"))) <= 5
    for folder in (CORE, AIRFLOW_HALF, ROOT / "dags", ROOT / "tests"):
        for path in folder.rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 400, path
