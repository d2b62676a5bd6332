"""`study`: the waves of a plan, each run by an engine, until the plan asks for nothing more."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from assay.core.errors import AssayError, Interrupted, UsageError
from assay.core.progress import duration
from assay.core.runtime import Runtime
from assay.experiments.run_state import RunState
from assay.experiments.setup import set_up
from assay.experiments.tracking.study_parent import mirror_study
from assay.report.terminal import RunsProgress
from assay.studies.confounds import warnings
from assay.studies.cost import cost
from assay.studies.engines import Ended, Engine, Pruning
from assay.studies.engines.stacked import DefaultEngine
from assay.studies.plans import Asha, Halving
from assay.studies.plots import draw
from assay.studies.results import stopped_early
from assay.studies.spec import StudySpec, read_study
from assay.studies.study import Study, Trial
from assay.training.estimate import estimate_run

_ENOUGH = 0.02  # share of the work to be done before the time left is told


def study(what: StudySpec | str, *, engine: Engine | None = None, runs: Path | None = None) -> Study:
    """Run a study (or the built-in one of that name, or a YAML file) to its end, or go on with it.

    What failed without having diverged is tried again at the next call. Raises AssayError; Interrupted after Ctrl-C,
    when every run under way has been saved.
    """
    engine, progress = engine or DefaultEngine.choose(Runtime.choose(threads=1)), RunsProgress()
    spec = suited(read_study(what) if isinstance(what, str) else what, engine)
    found, failed = Study.create(spec, runs), set[Path]()
    try:
        with found.file_lock(), mirror_study(found.folder, progress.on_message, enabled=engine.mlflow):
            for line in announce(found, engine):
                progress.on_message(line)
            is_new = False
            while left := [one for one in found.members() if not one.has_ended and one.folder not in failed]:
                failed |= _follow(_events(engine, found, left), left, progress)
                is_new = True
            if (is_new or not (found.folder / "figures").exists()) and (pictures := draw(found)):
                progress.on_message(f"pictures: {', '.join(path.name for path in pictures)} in {pictures[0].parent}")
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted(f"stopped; start the same study again to go on with {found.folder}") from None
    finally:
        progress.close()
    return found


def suited(spec: StudySpec, engine: Engine) -> StudySpec:
    """The study as the engine runs it: one that stops weak runs early makes asha of halving, in a folder of its own.

    Raises UsageError for asha and an engine that cannot.
    """
    if isinstance(spec.plan, Halving) and isinstance(engine, Pruning):
        return spec.model_copy(update={"name": f"{spec.name}-asha", "plan": spec.plan.as_asha()})
    if isinstance(spec.plan, Asha) and not isinstance(engine, Pruning):
        raise UsageError("this engine cannot stop runs early, as plan asha wants: use plan halving, or --engine ray")
    return spec


def announce(found: Study, engine: Engine) -> list[str]:
    """What is going to be done: variants, runs, work, minutes, and what the plan mixes up."""
    spec, members = found.spec, found.members()
    variants, costs = found.variants(), {one.folder: cost(one.recipe) for one in members}
    left = [one for one in members if not one.has_ended]
    flop = sum(costs[one.folder].flop for one in left)
    more = " so far" if spec.plan.decides else ""
    lines = [
        f"{spec.name}: {len(variants)} variants{more}, {spec.replicates} seed{'s' * (spec.replicates > 1)} each: "
        f"{len(members)} runs, {len(members) - len(left)} of them done; in {found.folder}"
    ]
    if left:
        longest = max(left, key=lambda one: costs[one.folder].flop).recipe
        timed = longest.override({"faults": []})  # one of them reads the test set, which is not for this
        probe = estimate_run(set_up(timed, engine.runtime).trainer)
        seconds = probe.minutes * 60 * flop / probe.flop / min(engine.processes, len(left))
        most = "at most " * isinstance(spec.plan, Asha)
        lines.append(f"{most}{flop / 1e15:.3g} PFLOP, about {duration(seconds)} with {engine.processes} at once")
    return lines + [f"warning: {text}" for text in warnings(variants, lambda recipe: cost(recipe).parameters)]


def check_complete(found: Study) -> None:
    """Raise AssayError if some runs failed for a reason other than having diverged."""
    members = found.members()
    if left := [one for one in members if not one.has_ended]:
        raise AssayError(
            f"{len(left)} of {len(members)} runs failed, the first of them {left[0].folder}; "
            "start the study again to try them again"
        )


def _events(engine: Engine, found: Study, left: Sequence[Trial]) -> Iterator[Ended | None]:
    if isinstance(found.spec.plan, Asha) and isinstance(engine, Pruning):
        return engine.search(found, left)
    return engine.run(left)


def _follow(events: Iterator[Ended | None], members: Sequence[Trial], progress: RunsProgress) -> set[Path]:
    """Let the members run, showing how far they are; returns the folders of those that failed."""
    work = {one.folder: cost(one.recipe).flop for one in members}
    left, failed, total = dict(zip(work, members, strict=True)), set[Path](), sum(work.values())
    before, began = _done(left, work), time.monotonic()
    for event in events:
        if event is not None:
            member, wrong = event
            del left[member.folder]  # nobody needs to look at it again
            failed |= {member.folder} if wrong else set()
            progress.on_message(f"{member.folder.name}: {wrong or _outcome(member)}")
        done = total - sum(work[folder] for folder in left) + _done(left, work)
        enough = done - before > _ENOUGH * total  # what is said of less is far off
        seconds = (time.monotonic() - began) * (total - done) / (done - before) if enough else None
        progress.update(done / total, f"{len(members) - len(left)} of {len(members)} runs", seconds)
    return failed


def _outcome(member: Trial) -> str:
    assert member.run
    if member.run.state == RunState.PRUNED:
        return stopped_early(member.run.status["epochs"])
    found = member.run.results["validation"]
    return f"validation {100 * found['accuracy']:.2f} % (n = {found['n']:,})"


def _done(members: Mapping[Path, Trial], work: Mapping[Path, float]) -> float:
    """How much of the members' work is done, by their epochs."""
    begun = ((folder, one.recipe, one.run) for folder, one in members.items())
    return sum(work[folder] * len(run.history) / recipe.training.epochs for folder, recipe, run in begun if run)
