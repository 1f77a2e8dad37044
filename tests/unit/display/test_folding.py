"""Which groups are folded, and what is drawn then."""

from __future__ import annotations

from typing import Any

from unit.display.samples import CRAWL, NEWSLETTER, Story, golden, newsletter_waiting, node

from aether_nb.display.dot import to_dot
from aether_nb.display.folding import ALL, GROUP, Toggled, fold, folded, sizes, toggled
from aether_nb.display.outline import graph_shape
from aether_nb.graph.model import Each, GraphSpec, replace


def nested(inside: int) -> Any:
    inner = GraphSpec(name="inner", kind="static", nodes=tuple(node(f"n{i}") for i in range(inside)))
    outer = GraphSpec(
        name="outer",
        kind="static",
        nodes=(node("a"), node("g", "a", name="inner", kind="graph"), node("z", "g")),
        subgraphs={"inner": inner},
    )
    return graph_shape(outer)["nodes"]


def mapped(kind: Any = "tool", items: int = 5) -> Story:
    """A graph function with a map whose items are listed."""
    story = Story(None, listed=lambda _: True)
    story.add("m", name="load", kind="map", each=Each(kind=kind, over="x", outputs=("y",)))
    return story.start("m", items=tuple(f"i{n}" for n in range(items)))


def test_a_small_group_is_open_and_a_large_one_is_folded() -> None:
    assert folded(nested(GROUP), {}) == set()
    assert folded(nested(GROUP + 1), {}) == {"g"}


def test_what_a_person_wishes_comes_first() -> None:
    assert folded(nested(3), {"g": False}) == {"g"}
    assert folded(nested(GROUP + 1), {"g": True}) == set()


def test_in_a_run_of_very_many_nodes_every_group_is_folded() -> None:
    few = nested(3)
    assert folded([*few, *nested(0)[:1] * (ALL - len(few))], {}) == set()
    assert folded([*few, *nested(0)[:1] * ALL], {}) == {"g"}


def test_for_each_group_there_is_a_picture_in_which_it_alone_is_the_other_way_round() -> None:
    nodes = [*nested(3), *nested(GROUP + 1)]
    for one in nodes[6:]:
        one["id"], one["parent"] = f"m/{one['id']}", f"m/{one['parent']}" if one["parent"] else "m"
    nodes.insert(6, {**nodes[0], "id": "m", "kind": "map"})
    assert folded(nodes, {"m": False}) == {"m", "m/g"}
    assert toggled(nodes, {"m": False}) == [
        Toggled("m/g", open=True, folded=set()),  # and what it stands inside with it
        Toggled("m", open=True, folded={"m/g"}),
        Toggled("g", open=False, folded={"g", "m", "m/g"}),
    ]


def test_a_group_counts_what_it_holds_all_the_way_down() -> None:
    story = Story(None).add("a", kind="fn").add("a/b", parent="a", kind="fn")
    story.add("a/b/c", parent="a/b").add("a/b/d", parent="a/b").add("a/e", parent="a")
    assert sizes(story.view.peek()["nodes"]) == {"a": 3, "a/b": 2}


def test_a_folded_group_is_one_node_with_the_edges_and_the_count_of_what_it_holds() -> None:
    shape = fold(newsletter_waiting().view.peek(), {"rev"})
    by_id = {n["id"]: n for n in shape["nodes"]}
    assert not any(i.startswith("rev/") for i in by_id)
    assert by_id["rev"]["count"] == {"done": 2, "failed": 0, "total": 3}
    assert ("write", "rev") in shape["edges"]
    assert ("rev", "rev") not in shape["edges"]


def test_a_group_in_a_folded_group_is_folded_with_it() -> None:
    story = Story(None).add("a", kind="fn").add("a/b", parent="a", kind="fn").add("a/b/c", parent="a/b")
    story.add("z", after=("a/b/c",))
    shape = fold(story.view.peek(), {"a"})
    assert [n["id"] for n in shape["nodes"]] == ["a", "z"]
    assert shape["edges"] == [("a", "z")]


def test_folding_changes_nothing_of_the_shape_that_it_is_given() -> None:
    shape = newsletter_waiting().view.peek()
    before = str(shape)
    fold(shape, {"rev"})
    assert str(shape) == before
    assert fold(shape, ()) is shape


def test_a_map_whose_items_are_listed_keeps_the_count_of_its_items() -> None:
    story = mapped()
    story.finish("m/i0")
    shape = fold(story.view.peek(), {"m"})
    assert [n.get("count") for n in shape["nodes"]] == [{"done": 1, "failed": 0, "total": 5}]


def test_the_pictures_are_as_they_were_when_somebody_looked_at_them() -> None:
    golden("newsletter_folded.dot", to_dot(graph_shape(NEWSLETTER), folded={"rev"}))
    golden(
        "newsletter_folded_waiting.dot", to_dot(newsletter_waiting().view.peek(), status=True, folded={"rev"})
    )
    golden("map_opened.dot", to_dot(mapped(items=7).view.peek()))


def test_a_folded_group_keeps_its_size_while_nodes_come_into_it() -> None:
    story = Story(None).add("a", kind="fn").add("a/b", parent="a")
    before = to_dot(story.view.peek(), folded={"a"})
    story.add("a/c", parent="a", after=("a/b",))
    assert to_dot(story.view.peek(), folded={"a"}) == before


def test_a_map_of_a_static_graph_is_listed_with_the_graphs_that_its_items_are() -> None:
    page = GraphSpec(name="fetch", kind="static", nodes=(node("get"), node("parse", "get")))
    spec = replace(CRAWL, subgraphs={"fetch": page})
    story = Story(spec, listed=lambda _: True).finish("find").start("pages", items=("x", "y"))
    nodes = {n["id"]: n for n in story.view.peek()["nodes"]}
    assert nodes["pages/x"]["label"] == "fetch[0]"
    assert [i for i in nodes if i.startswith("pages/y")] == ["pages/y", "pages/y/get", "pages/y/parse"]
    story.start("pages/x/get")
    assert story.statuses()["pages/x/get"] == "running"


def test_maps_are_opened_and_closed_from_the_log_and_what_was_said_stays() -> None:
    story = Story(None)
    each = Each(kind="tool", over="x", outputs=("y",))
    story.add("m", kind="map", each=each).start("m", items=("i0", "i1")).start("m/i0").say("hello")
    assert list(story.statuses()) == ["m"]
    structure = story.view.structure
    story.view.list_maps({"m"}, story.events)
    assert story.statuses() == {"m": "running", "m/i0": "running", "m/i1": "pending"}
    assert story.view.structure > structure
    assert [m["text"] for m in story.view.peek()["messages"]] == ["hello"]
    story.view.list_maps(set(), story.events)
    assert list(story.statuses()) == ["m"]
