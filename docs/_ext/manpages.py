"""Pages of the reference as man pages: with the sections that people look for there, and without
links, which lead nowhere on a terminal.

What they say of exit codes, variables and files is that of other pages of the reference.
"""

from collections.abc import Iterator, Sequence

from docutils import nodes
from parsers import verbs_told
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

# What a page of the site says in place of these sections.
ELSEWHERE = "Exit codes and environment variables"
COMMANDS = "docs/reference/commands"


def arrange(app: Sphinx, tree: nodes.document, page: str) -> None:
    """Put the sections of a man page in their order."""
    if app.builder.name != "man":
        return
    [top] = tree.findall(lambda node: node.parent is tree and isinstance(node, nodes.section))
    title, *parts = top.children
    sections = [each for each in parts if isinstance(each, nodes.section)]
    body = [each for each in parts if each not in sections and not _is_elsewhere(each)]
    usage = next(each for each in body if isinstance(each, nodes.literal_block))
    described = [each for each in body if each is not usage]
    listed = [_section("commands", [_commands()])] if page == COMMANDS else []
    top.children = []
    top.extend([title, _section("synopsis", [usage]), _section("description", described)])
    top.extend([*listed, *sections, *_shared(app)])
    _plain(tree)


def _is_elsewhere(node: nodes.Node) -> bool:
    return node.astext().startswith(ELSEWHERE)


def _commands() -> nodes.definition_list:
    return nodes.definition_list(
        "",
        *(
            nodes.definition_list_item(
                "",
                nodes.term("", "", nodes.literal("", name)),
                nodes.definition("", nodes.paragraph("", what)),
            )
            for name, what in verbs_told()
        ),
    )


def _shared(app: Sphinx) -> Iterator[nodes.section]:
    """Of other pages, that a man page is to have by itself."""
    statuses = app.env.get_doctree("docs/reference/statuses")
    [codes] = [each for each in statuses.findall(nodes.section) if "exit-codes" in each["ids"]]
    yield _section("exit status", codes.children[1:])
    for title, page in (("environment", "environment"), ("files", "world-folder")):
        table = next(app.env.get_doctree(f"docs/reference/{page}").findall(nodes.table))
        yield _section(title, [table])


def _section(title: str, content: Sequence[nodes.Node]) -> nodes.section:
    section = nodes.section(ids=[nodes.make_id(title)], names=[title])
    section += nodes.title("", title)
    section.extend([each.deepcopy() for each in content])
    return section


def _as_list(table: nodes.table) -> nodes.definition_list:
    """A table is wider than a terminal: its first column has the terms, and the others what is said
    of them, below their heads where there are several.
    """
    heads, *rows = [[*row.children] for row in table.findall(nodes.row)]
    items = []
    for term, *cells in rows:
        told = nodes.definition()
        for head, cell in zip(heads[1:], cells, strict=True):
            if not cell.astext():
                continue
            words = [nodes.Text(f"{head.astext()}: ")] if len(cells) > 1 else []
            told += nodes.paragraph("", "", *words, *cell.children[0].deepcopy().children)
        first = term.children[0].deepcopy().children
        items.append(nodes.definition_list_item("", nodes.term("", "", *first), told))
    return nodes.definition_list("", *items)


def _plain(tree: nodes.document) -> None:
    """What leads into another page is its words alone; an address on the web stays."""
    for table in [*tree.findall(nodes.table)]:
        table.replace_self(_as_list(table))
    for link in [*tree.findall(pending_xref), *tree.findall(nodes.reference)]:
        if "://" not in link.get("refuri", ""):
            link.replace_self(link.children)


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's way in."""
    app.connect("doctree-resolved", arrange)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
