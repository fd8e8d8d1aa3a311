"""nb-compare images: judge two images that already exist."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import Finite, allow_weak_option, complete_metrics
from nbcompare.commands.publish import PublishedResults, result_options
from nbcompare.commands.result_forms import TEXT
from nbcompare.errors import ExitCode, UsageError
from nbcompare.explain.diagnose.search.limits import BUDGET_S


@click.command("images")
@click.argument("reference", type=click.Path(path_type=Path), metavar="REFERENCE")
@click.argument("subject", type=click.Path(path_type=Path), metavar="SUBJECT")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS...]")
@click.option("--case", "case_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Judge by the regions and thresholds of this case.")
@click.option("--roi", "rois", nargs=4, type=int, multiple=True, metavar="XMIN XMAX YMIN YMAX",
              help="Region to judge, inclusive, x fast and y slow; may be given again.  [default: the whole image]")
@click.option("--threshold", "thresholds", multiple=True, metavar="METRIC=MIN..MAX", shell_complete=complete_metrics,
              help="What a figure must be: correlation=0.9995.. or max_abs_diff=..0.5; may be given again.  [default: "
                   "correlation, sum ratio and brightest pixel]")
@click.option("--read", "declared", metavar="KEY=VALUE,...",
              help="How both files are read: format, dtype, shape (SLOWxFAST), offset, dataset, frame, axes, scale.")
@click.option("--read-subject", metavar="KEY=VALUE,...", help="How the subject's file is read, if another way.")
@click.option("--mask", type=click.Path(path_type=Path), metavar="FILE",
              help="Leave out the pixels that are not zero in this image.")
@click.option("--mask-below", type=Finite(), metavar="VALUE", help="Leave out pixels below this value in either image.")
@click.option("--mask-above", type=Finite(), metavar="VALUE", help="Leave out pixels above this value in either image.")
@click.option("--mask-equals", type=Finite(), multiple=True, metavar="VALUE",
              help="Leave out pixels of this value in either image; may be given again.")
@click.option("--nan", type=click.Choice(["fail", "compare"]), default="fail", show_default=True,
              help="Pixels that are NaN or infinite: an error, or left out and counted.")
@click.option("--resample", is_flag=True, help="Put a subject of another shape on the reference's grid (noted).")
@allow_weak_option
@click.option("--inputs", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path("."),
              show_default=True, metavar="DIR", help="Where the files that ARGS name are read.")
@click.option("--budget", type=Finite(0, 3600, min_open=True), default=BUDGET_S, show_default=True, metavar="SECONDS",
              help="Processor seconds for trial runs of ARGS.")
@click.option("--bundles", type=click.Path(path_type=Path), default=Path("bundles"), show_default=True, metavar="DIR",
              help="Where the bundle goes.")
@click.option("--no-bundle", is_flag=True, help="Keep nothing; only print the result.")
@result_options
def command(reference: Path, subject: Path, arguments: tuple[str, ...], case_file: Path | None,
            rois: tuple[tuple[int, int, int, int], ...], thresholds: tuple[str, ...], declared: str | None,
            read_subject: str | None, mask: Path | None, mask_below: float | None, mask_above: float | None,
            mask_equals: tuple[float, ...], nan: str, resample: bool, allow_weak: str | None, inputs: Path,
            budget: float, bundles: Path, no_bundle: bool, told: PublishedResults) -> ExitCode:
    """Compare two image files and judge them; nothing is run.

    SMV, CBF, EDF, TIFF, HDF5 (Eiger, NXmx), .npy, .npz and raw numbers are read, each as its own type. Gaps that a
    file marks are left out of every figure, and so is what the mask options say; how many pixels that is, and
    whether both images agree on them, is part of the figures.

    With ARGS, the nanoBragg arguments that the images were made by, a difference is explained by trial runs of the
    simulator too.
    """
    from nbcompare.bundle.found import DIAGNOSIS, keep
    from nbcompare.case.case_file import load_case
    from nbcompare.case.from_text import thresholds_from
    from nbcompare.commands.views.diagnosis import diagnosis_report
    from nbcompare.commands.views.images import images_report
    from nbcompare.commands.views.results import result_of_images
    from nbcompare.compare.masks import MaskRules
    from nbcompare.formats.declared import Declared
    from nbcompare.run.images.bundle import publish_images
    from nbcompare.run.images.pair import ImagePairOptions, compare_files, regions_of, with_masking
    from nbcompare.run.images.trials import explained
    from nbcompare.run.sweep.sweep import invocation

    told.start([reference, subject])
    name = f"{subject.name} against {reference.name}"
    told.begin(name, case_file)
    if case_file and (rois or thresholds):
        raise UsageError("--case gives regions and thresholds; leave --roi and --threshold out")
    case = load_case(case_file) if case_file else None
    regions = case.rois if case else regions_of(rois)
    judged = case.thresholds if case else thresholds_from(thresholds, [roi.name for roi in regions] or ["full"])
    ours = Declared.of(declared, "--read")
    theirs = Declared.of(read_subject, "--read-subject") if read_subject else ours
    rules = MaskRules(mask_below, mask_above, mask_equals)
    options = ImagePairOptions((ours, theirs), rules, None, mask, Declared(), regions, judged, nan, resample,
                               allow_weak)
    options = with_masking(options, case) if case else options
    pair = compare_files(reference, subject, options)
    pair, found = explained(pair, options, arguments, inputs, budget) if arguments else (pair, None)
    bundle = None if no_bundle else publish_images(pair, options, bundles, invocation()).folder
    if bundle and found:  # its report shows the answer
        keep(bundle, DIAGNOSIS, found.as_dict())
    told.add(result_of_images(name, pair, case_file))
    if told.how.form == TEXT:
        click.echo(images_report(pair, bundle))
        if found:
            click.echo(diagnosis_report(found))
    return told.end(pair.verdict.exit_code, {**pair.as_dict(), "bundle": str(bundle) if bundle else None})
