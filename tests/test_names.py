"""Names say what a thing is: no pronouns, no lone participles."""

import ast
from collections.abc import Iterator
from pathlib import Path

import assay

SOURCE = Path(assay.__file__).parent

LIMIT = 2.0  # such names per 1,000 lines

# A name that could stand for anything: its reader has to look up what it holds.
PRONOUNS = """
    one ones it this that these those theirs mine his hers ours yours other others another each every all some any none
    both few many most more less what which who whom whose something somebody everything nothing own same rest thing
    things
"""

# Participles that do not end in -ed. Left out are those that are nouns or verbs too: set, read, put, run, cut.
PARTICIPLES = """
    found told kept given made done said known seen shown judged begun chosen drawn written built held sent lost met got
    gone taken thrown spent meant heard felt brought bought caught taught thought sought fought stood understood won
    worn torn born grown flown blown driven risen broken spoken hidden wound sung rung begotten drunk sunk swum shrunk
    sprung dug hung swung paid laid sold
"""

# Words in -ed that are no participles.
NOUNS_IN_ED = "seed speed need feed red embed bed shed led indeed proceed exceed hundred unified"

VAGUE_WORDS = {*PRONOUNS.split(), *PARTICIPLES.split()}
PROPERTIES = {"property", "cached_property"}  # may be adjectives: `run.is_finished`, `predictions.predicted`


def is_vague(name: str) -> bool:
    if name.startswith("__"):
        return False
    word = name.strip("_").lower()
    lone_participle = "_" not in word and len(word) > 3 and word.endswith("ed") and word not in NOUNS_IN_ED.split()
    return word in VAGUE_WORDS or lone_participle


def bound_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The names of functions, arguments, variables, attributes and aliases, each with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
                if not decorators & PROPERTIES:
                    yield node.name, node.lineno
            case ast.arg():
                yield node.arg, node.lineno
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno
            case ast.alias(asname=str(alias)):
                yield alias, node.lineno


def test_a_vague_name_is_found_and_a_clear_one_is_not():
    tree = ast.parse("def found(one, image): drawn = self.kept = seed = 1\n@property\ndef predicted(self): ...")
    assert [name for name, _ in bound_names(tree) if is_vague(name)] == ["found", "one", "drawn", "kept"]


def test_names_say_what_a_thing_is():
    lines, vague = 0, []
    for path in sorted(SOURCE.rglob("*.py"), key=str):
        text = path.read_text(encoding="utf-8")
        lines += text.count("\n")
        names = bound_names(ast.parse(text))
        vague += [f"{path.relative_to(SOURCE)}:{line}: {name}" for name, line in names if is_vague(name)]
    share = 1000 * len(vague) / lines
    assert share < LIMIT, f"{share:.1f} vague names per 1,000 lines:\n" + "\n".join(vague)
