"""Plans: which variants they ask for, in which order, and the same ones again for the same scores."""

import pytest
from pydantic import ValidationError

from assay.core.errors import UsageError
from assay.studies.plans import PLANS, Asha, Grid, Halving, Ladder, Plan, Random
from assay.studies.spec import StudySpec
from assay.studies.variant import Variant


def as_it_is(recipe):
    return recipe


def names(plan, base, scores=None):
    return [one.name for one in plan.variants(base, as_it_is, scores or {})]


LADDER = {"lower rate": {"optimizer.lr": 0.01}, "larger batch": {"training.batch_size": 50}}


def test_a_ladder_puts_each_change_on_top_of_the_last(recipe):
    base, lower, larger = Ladder(steps=LADDER).variants(recipe, as_it_is, {})
    assert (base.recipe, base.after) == (recipe, None)
    assert (lower.recipe.optimizer.lr, lower.recipe.training.batch_size, lower.after) == (0.01, 32, "base")
    assert (larger.recipe.optimizer.lr, larger.recipe.training.batch_size, larger.after) == (0.01, 50, "lower rate")


def test_a_ladder_against_the_base_changes_one_thing_each(recipe):
    _, lower, larger = Ladder(steps=LADDER, against="base").variants(recipe, as_it_is, {})
    assert (lower.after, larger.after) == ("base", "base")
    assert larger.recipe.optimizer.lr == recipe.optimizer.lr


def test_a_ladder_that_keeps_what_is_better_waits_for_the_scores(recipe):
    plan = Ladder(steps=LADDER, keep="better")
    assert names(plan, recipe) == ["base", "lower rate"]
    kept = plan.variants(recipe, as_it_is, {"base": 0.5, "lower rate": 0.6})
    dropped = plan.variants(recipe, as_it_is, {"base": 0.5, "lower rate": 0.4})
    assert [(one.name, one.after) for one in kept] == [
        ("base", None),
        ("lower rate", "base"),
        ("larger batch", "lower rate"),
    ]
    assert (dropped[-1].after, dropped[-1].recipe.optimizer.lr) == ("base", recipe.optimizer.lr)


def test_a_step_may_be_a_recipe_of_its_own_with_the_studys_changes(recipe):
    plan = Ladder(steps={"dropout": "kth/4.D"})
    step = plan.variants(recipe, lambda step: step.override({"training.epochs": 2}), {})[1].recipe
    assert (step.model.name, step.training.epochs) == ("kth", 2)


def test_a_reports_figure_is_for_a_recipe_as_it_stands(recipe):
    plan = Ladder(steps={"plain": "kth/4.D", "other": {"recipe": "kth/4.D", "changes": {"optimizer.lr": 0.5}}})
    _, plain, other = plan.variants(recipe, as_it_is, {})
    assert plain.recipe.reported.accuracy == 0.6903
    assert other.recipe.reported is None


def test_a_grid_has_every_cell_the_last_key_changing_fastest(recipe):
    plan = Grid(over={"optimizer.lr": [0.1, 0.01], "training.batch_size": [8, 16]})
    assert names(plan, recipe) == [
        "lr=0.1 batch_size=8",
        "lr=0.1 batch_size=16",
        "lr=0.01 batch_size=8",
        "lr=0.01 batch_size=16",
    ]


def test_a_grid_of_ten_million_cells_is_refused_with_the_count(recipe):
    plan = Grid(over={f"key{i}": list(range(10)) for i in range(7)})
    with pytest.raises(UsageError, match="10,000,000 cells"):
        plan.variants(recipe, as_it_is, {})


@pytest.mark.parametrize("over", [{}, {"optimizer.lr": []}, {"optimizer.lr": [0.1, 0.1]}])
def test_an_empty_grid_or_a_value_twice_is_refused(over):
    with pytest.raises(ValidationError):
        Grid(over=over)


def test_a_key_that_no_recipe_has_is_refused(recipe):
    with pytest.raises(UsageError, match=r"optimizer\.learning_rate"):
        Grid(over={"optimizer.learning_rate": [0.1]}).variants(recipe, as_it_is, {})


SPACE = {"training.batch_size": [8, 16, 32], "optimizer.lr": [0.1, 0.01, 0.001], "optimizer.momentum": [0.0, 0.5, 0.9]}


def test_draws_do_not_repeat_and_follow_from_the_seed(recipe):
    first, again, other = (names(Random(over=SPACE, draws=20, seed=seed), recipe) for seed in (1, 1, 2))
    assert len(set(first)) == 20
    assert first == again != other


def test_more_draws_than_cells_are_all_cells(recipe):
    assert set(names(Random(over=SPACE, draws=500), recipe)) == set(names(Grid(over=SPACE), recipe))


def test_more_draws_begin_as_fewer_do(recipe):
    assert names(Random(over=SPACE, draws=20), recipe)[:5] == names(Random(over=SPACE, draws=5), recipe)


def test_rungs_grow_by_the_reduction_up_to_the_recipes_epochs():
    plan = Halving(over=SPACE, draws=27, grace=1, reduction=3)
    assert plan.rungs(10) == [1, 3, 9, 10]
    assert plan.rungs(9) == [1, 3, 9]
    assert Halving(over=SPACE, draws=27, grace=4).rungs(3) == [3]


def test_halving_lets_the_better_half_go_on(recipe):
    plan = Halving(over=SPACE, draws=8)
    first = plan.variants(recipe.override({"training.epochs": 4}), as_it_is, {})
    assert {one.recipe.training.epochs for one in first} == {1}
    scores = {one.name: i / 10 for i, one in enumerate(first)}
    second = plan.variants(recipe.override({"training.epochs": 4}), as_it_is, scores)[8:]
    assert [one.name.replace("epochs=2", "epochs=1") for one in second] == [one.name for one in first[4:]]
    assert {one.recipe.training.epochs for one in second} == {2}


def test_halving_ends_with_the_recipes_epochs(recipe):
    base, scores = recipe.override({"training.epochs": 4}), {}
    plan = Halving(over=SPACE, draws=8)
    for _ in range(5):
        known = plan.variants(base, as_it_is, scores)
        scores = {one.name: -float(len(one.name)) for one in known}
    assert [sum(one.recipe.training.epochs == epochs for one in known) for epochs in (1, 2, 4)] == [8, 4, 2]


def test_cells_and_draws_carry_their_values(recipe):
    over = {"optimizer.lr": [0.1, 0.01]}
    assert [dict(one.values) for one in Grid(over=over).variants(recipe, as_it_is, {})] == [
        {"optimizer.lr": 0.1}, {"optimizer.lr": 0.01},
    ]  # fmt: skip
    rung = Halving(over=over, draws=1).variants(recipe, as_it_is, {})[0]
    assert rung.values.keys() == {"optimizer.lr", "training.epochs"}


def test_asha_has_all_draws_with_all_their_epochs(recipe):
    base = recipe.override({"training.epochs": 4})
    found = Asha(over=SPACE, draws=5, seed=3).variants(base, as_it_is, {})
    assert [one.name for one in found] == names(Random(over=SPACE, draws=5, seed=3), base)
    assert {one.recipe.training.epochs for one in found} == {4}


def test_halving_and_the_asha_made_of_it_draw_and_decide_alike(recipe):
    halving = Halving(over=SPACE, draws=5, seed=3, grace=2, reduction=3)
    asha = halving.for_engine(can_stop_runs=True)
    assert asha.draw_values() == halving.draw_values()
    assert (asha.grace, asha.reduction) == (2, 3)


def test_asha_refuses_trials_that_begin_with_anothers_weights(recipe):
    with pytest.raises(UsageError, match="runs its draws in no order"):
        Asha(over=SPACE, draws=2).variants(recipe.override({"faults": ["shared-weights"]}), as_it_is, {})


@pytest.mark.parametrize("schedule", ["cosine", "linear", "one-cycle"])
def test_asha_refuses_a_schedule_that_depends_on_the_last_epoch(recipe, schedule):
    with pytest.raises(UsageError, match=f"schedule {schedule} has not come down .* use constant"):
        Asha(over=SPACE, draws=2).variants(recipe.override({"schedule": {"name": schedule}}), as_it_is, {})


@pytest.mark.parametrize(
    "schedule", [{"name": "step", "every": 2}, {"name": "piecewise", "at": {1: 0.1}}, {"name": "plateau"}]
)
def test_asha_takes_a_schedule_that_is_the_same_however_long_the_run(recipe, schedule):
    assert Asha(over=SPACE, draws=2).variants(recipe.override({"schedule": schedule}), as_it_is, {})


def test_a_plan_registers_itself_and_is_picked_by_its_name(recipe):
    class Twice(Plan):
        """The base under two names."""

        def variants(self, base, prepare, scores):
            return [Variant("first", base), Variant("second", base)]

    Twice.registered_name = "twice"
    with PLANS.replaced("twice", Twice):
        spec = StudySpec.model_validate({"name": "toy", "base": recipe, "plan": {"name": "twice"}})
        assert [variant.name for variant in spec.variants({})] == ["first", "second"]
        assert StudySpec.model_validate(spec.model_dump(mode="json")) == spec


def test_the_registry_has_every_plan():
    assert {"asha", "grid", "halving", "ladder", "random"} <= set(PLANS)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"over": {}}, f"plan: A name is missing; known: {', '.join(PLANS)}"),
        (3, "plan: Should be a name, or keys with a name"),
        ({"name": "grid", "over": {"optimizer.lr": [0.1]}, "draws": 3}, "plan.draws"),
    ],
)
def test_a_wrong_plan_is_reported_with_its_key(recipe, plan, message):
    with pytest.raises(ValidationError) as caught:
        StudySpec.model_validate({"name": "toy", "base": recipe, "plan": plan})
    (error,) = caught.value.errors()
    assert message in f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
