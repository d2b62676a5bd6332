"""`study`: the waves of a plan, each run by an engine, until the plan asks for nothing more."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.errors import AssayError, Interrupted, UsageError
from assay.job import prepare
from assay.nested import nested
from assay.report.progress import RunsProgress, duration
from assay.runtime import Runtime
from assay.studies.confounds import warnings
from assay.studies.cost import cost
from assay.studies.engines import Ended, Engine, Pruning
from assay.studies.engines.local import Local
from assay.studies.pictures import draw
from assay.studies.plans import Asha, Halving
from assay.studies.spec import StudySpec, read_study
from assay.studies.study import PRUNED, Member, Study
from assay.studies.table import stopped_early
from assay.training.plan import plan


def study(what: StudySpec | str, *, engine: Engine | None = None, runs: Path | None = None) -> Study:
    """Run a study (or the built-in one of that name, or a YAML file) to its end, or go on with it.

    What failed without having diverged is tried again at the next call. Raises AssayError; Interrupted after Ctrl-C,
    when every run under way has been saved.
    """
    engine, progress = engine or Local.choose(Runtime.choose(threads=1)), RunsProgress()
    spec = suited(read_study(what) if isinstance(what, str) else what, engine)
    found, failed = Study.create(spec, runs), set[Path]()
    try:
        with found.alone(), nested(found.folder, progress.note, wanted=engine.mlflow):
            for line in announce(found, engine):
                progress.note(line)
            is_new = False
            while left := [one for one in found.members() if not one.has_ended and one.folder not in failed]:
                failed |= _follow(_events(engine, found, left), left, progress)
                is_new = True
            if (is_new or not (found.folder / "figures").exists()) and (pictures := draw(found)):
                progress.note(f"pictures: {', '.join(path.name for path in pictures)} in {pictures[0].parent}")
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
        job = prepare(left[0].recipe, engine.runtime)
        probe = plan(job.trainer)
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


def _events(engine: Engine, found: Study, left: Sequence[Member]) -> Iterator[Ended | None]:
    if isinstance(found.spec.plan, Asha) and isinstance(engine, Pruning):
        return engine.search(found, left)
    return engine.run(left)


def _follow(events: Iterator[Ended | None], members: Sequence[Member], progress: RunsProgress) -> set[Path]:
    """Let the members run, showing how far they are; returns the folders of those that failed."""
    work = {one.folder: cost(one.recipe).flop for one in members}
    before, began, ended, failed = _done(members, work), time.monotonic(), 0, set[Path]()
    for event in events:
        if event is not None:
            member, wrong = event
            ended += 1
            failed |= {member.folder} if wrong else set()
            progress.note(f"{member.folder.name}: {wrong or _outcome(member)}")
        done, total = _done(members, work), sum(work.values())
        left = (time.monotonic() - began) * (total - done) / (done - before) if done > before else None
        progress.update(done / total, f"{ended} of {len(members)} runs", left)
    return failed


def _outcome(member: Member) -> str:
    assert member.run
    if member.run.status["state"] == PRUNED:
        return stopped_early(member.run.status["epochs"])
    found = member.run.results["validation"]
    return f"validation {100 * found['accuracy']:.2f} % (n = {found['n']:,})"


def _done(members: Sequence[Member], work: dict[Path, float]) -> float:
    """How much of the members' work is done, by their epochs."""
    return sum(work[one.folder] * _share(one) for one in members)


def _share(member: Member) -> float:
    if member.has_ended or not member.run:
        return float(member.has_ended)
    return len(member.run.history) / member.recipe.training.epochs
