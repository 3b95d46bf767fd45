"""Whether the slices make one whole stack: places, thickness, number, gaps. Pure; mm."""

from __future__ import annotations

from service.domain.checks import CheckName, line
from service.domain.series import Check
from service.settings import SuitabilitySettings
from service.suitability.header_rules import is_localiser
from service.suitability.subject import Rule, SeriesToJudge

#: a slice sent twice happens; more than this share of them at the place of another is a second phase
TWICE_SHARE = 0.1
#: from top to bottom a head is longer than this even in a newborn; a shorter stack cannot show that nothing is there
HEAD_MM = 80.0
REASONS_NAMED = 2
GRIDS_NAMED = 3


def one_stack(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask that places do not repeat, as they do in perfusion, bolus tracking and mixed reconstructions."""
    geometry = series.geometry
    twice, number = geometry.same_place, len(geometry.slices)
    found = f"{twice} of {number} slices at the place of another" if twice else "each slice at a place of its own"
    phases = f" at {geometry.time_points} points in time" if geometry.time_points > 1 else ""
    reason = f"{found}{phases}: several phases or reconstructions in one series, not one stack"
    return line(CheckName.ONE_STACK, twice <= TWICE_SHARE * number, found, "one slice at each place", reason)


def places(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask that most images say where they lie, and lie the same way."""
    geometry = series.geometry
    number = len(geometry.slices)
    found = f"{number} of {series.images} images form a stack"
    why = "face different ways" if geometry.astray >= geometry.unplaced else "do not say where they lie"
    reason = f"the images {why}: only {found}" if number else "no image says where it lies"
    return line(CheckName.PLACES, 2 * number > series.images, found, "more than half", reason)


def thickness(series: SeriesToJudge, settings: SuitabilitySettings) -> Check:
    """Ask for a slice thickness the reader learnt; where none is stated the usual step stands in for it."""
    stated = sorted({one.thickness for one in series.geometry.slices if one.thickness})
    values = stated or [step for step in (series.geometry.median_step,) if step]
    wanted = f"{settings.min_thickness_mm:g} to {settings.max_thickness_mm:g} mm"
    found = ", ".join(f"{value:g} mm" for value in _few(values)) or "not stated"
    passed = all(settings.min_thickness_mm <= value <= settings.max_thickness_mm for value in values)
    return line(CheckName.THICKNESS, passed, found, wanted, f"the slices are {found} thick; {wanted} are read")


def _few(values: list[float]) -> list[float]:
    rounded = sorted({round(value, 2) for value in values})
    return rounded if len(rounded) <= 4 else [rounded[0], rounded[-1]]


def count(series: SeriesToJudge, settings: SuitabilitySettings) -> Check:
    """Ask for enough slices."""
    number, needed = len(series.geometry.slices), settings.min_slices
    reason = f"only {number} {'slice' if number == 1 else 'slices'}; {needed} are needed"
    return line(CheckName.COUNT, number >= needed, str(number), f"at least {needed}", reason)


def pixels(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask for pixels of known size."""
    bare = sum(not one.has_pixels for one in series.headers)
    unsized = sum(not (one.row_mm and one.column_mm) for one in series.headers)
    number = len(series.headers)
    found = f"{number - bare} of {number} with pixels, {number - unsized} with a pixel size"
    reason = "the objects carry no pixels" if 2 * bare >= number else "the header gives no pixel size"
    return line(CheckName.PIXELS, 2 * max(bare, unsized) < number, found, "pixels of known size", reason)


def strays(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask that no image is left out of the stack, localisers apart."""
    expected = sum(len(one.slices) or 1 for one in series.headers if is_localiser(one))
    left_out = max(0, series.images - len(series.geometry.slices) - expected)
    verb = "image does" if left_out == 1 else "images do"
    return line(
        CheckName.STRAYS,
        not left_out,
        str(left_out),
        "0",
        f"{left_out} {verb} not fit into the stack and could not be read",
    )


def one_grid(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask that all slices have one matrix and one pixel size: a shrunken slice hides what a full one shows."""
    images = [one for one in series.headers if one.slices and not is_localiser(one)]
    grids = {(one.rows, one.columns, round(one.row_mm or 0.0, 2)) for one in images}
    named = ", ".join(
        f"{rows} x {columns} of {size:g} mm" for rows, columns, size in sorted(grids, key=str)[:GRIDS_NAMED]
    )
    reason = f"the slices differ in matrix or pixel size ({named})"
    return line(CheckName.GRID, len(grids) <= 1, named or "not stated", "one matrix, one pixel size", reason)


def decoded(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask that every slice could be decoded."""
    number = len(series.problems)
    named = "; ".join(list(dict.fromkeys(series.problems))[:REASONS_NAMED])
    reason = f"{number} {'slice' if number == 1 else 'slices'} could not be decoded ({named})"
    return line(CheckName.DECODED, not number, f"{number} undecodable", "0 undecodable", reason)


def gaps(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask that no slice is missing inside the stack."""
    found = series.geometry.gaps
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    named = f"{found[0]}{more}" if found else ""
    return line(CheckName.GAPS, not found, named or series.geometry.spacing_sentence, "no gap", named)


def coverage(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask for the length of a head, in mm, before 'nothing found' is believed."""
    ends = [one.thickness or 0.0 for one in (*series.geometry.slices[:1], *series.geometry.slices[-1:])]
    length = series.geometry.extent_mm + sum(ends) / 2
    reason = f"the slices cover only {length:.0f} mm; a whole head is longer than {HEAD_MM:g} mm"
    return line(CheckName.COVERAGE, length >= HEAD_MM, f"{length:.0f} mm", f"at least {HEAD_MM:g} mm", reason)


RULES: tuple[Rule, ...] = (one_stack, places, thickness, count, pixels, strays, one_grid, decoded, gaps, coverage)
