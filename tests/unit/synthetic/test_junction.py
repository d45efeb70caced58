"""Junction trees: every marginal has a home, and evidence never takes two ways."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.synthetic.junction import build_tree

SIZES = (2, 3, 4, 2, 5, 3, 2)
GROUPS = st.lists(
    st.sets(st.integers(0, len(SIZES) - 1), min_size=1, max_size=3).map(lambda s: tuple(sorted(s))),
    max_size=10,
)


@given(GROUPS)
@settings(deadline=None)
def test_every_column_and_every_marginal_is_inside_a_clique(groups):
    tree = build_tree(groups, SIZES)
    assert {c for clique in tree.cliques for c in clique} == set(range(len(SIZES)))
    for group in groups:
        assert set(group) <= set(tree.cliques[tree.home(group)])


@given(GROUPS)
@settings(deadline=None)
def test_cliques_that_hold_a_column_are_connected(groups):
    tree = build_tree(groups, SIZES)
    for column in range(len(SIZES)):
        holding = {i for i, clique in enumerate(tree.cliques) if column in clique}
        # in a tree, nodes are connected when all but one have their parent among them
        roots = [
            i for i in holding if tree.parents[i] not in holding or column not in tree.separators[i]
        ]
        assert len(roots) == 1


@given(GROUPS, st.integers(0, len(SIZES) - 1))
@settings(deadline=None)
def test_the_root_holds_the_column_that_is_asked_for(groups, root):
    tree = build_tree(groups, SIZES, root=root)
    assert root in tree.cliques[0]
    assert tree.parents[0] == -1
    assert all(parent < i for i, parent in enumerate(tree.parents))


@given(GROUPS)
@settings(deadline=None)
def test_columns_are_apart_exactly_when_no_marginals_link_them(groups):
    part = build_tree(groups, SIZES).parts()
    linked = {c: {c} for c in range(len(SIZES))}
    for a, b in (pair for group in groups for pair in combinations(group, 2)):
        merged = linked[a] | linked[b]
        for c in merged:
            linked[c] = merged
    for a, b in combinations(range(len(SIZES)), 2):
        assert (part[a] == part[b]) == (b in linked[a])
