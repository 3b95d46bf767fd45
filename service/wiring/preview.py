"""Builder of ``ichor doctor --preview``: every object that destinations will get, made of a synthetic head."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom import dcmread

from service.dicom.uids import uid_name
from service.domain.delivery import Dialect, Form, ObjectKind
from service.domain.series import Evidence, EvidenceKind
from service.domain.verdict import StudyVerdict
from service.errors import BadUsage, Unavailable
from service.outputs.plain_text import as_text
from service.outputs.render import fits, render
from service.outputs.source import Order, RenderedObject, ResultSource
from service.outputs.state_picture import draw_state
from service.outputs.validator import validate
from service.settings import Settings
from service.wiring.scans import PhantomWish, build_offline_desk, progress, write_phantom
from service.worker.offline import FolderFiles, look_into, read_study

#: a head whose bleed the bundled pack sees; the practice sends this kind, too
HEAD = PhantomWish(finding="intraparenchymal", seed=1)
EVERY_FORM = tuple(
    Form(kind, dialect) for kind in ObjectKind for dialect in (Dialect if kind is ObjectKind.SR else (None,))
)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One line about one object; ``well`` when the validator found it valid."""

    well: bool
    text: str
    errors: tuple[str, ...] = ()


def preview(settings: Settings, out: Path) -> Iterator[Preview]:
    """Read a synthetic head, make what the destinations ask for, write it down, and let the validator judge it."""
    verdict, source = _read(settings, out)
    chance = "" if verdict.probability is None else f", probability {verdict.probability:.2f}"
    yield Preview(well=True, text=f"synthetic head in {out / 'source'}: {verdict.verdict.value}{chance}")
    if source is None:
        raise BadUsage(f"the synthetic head was not analysed, so nothing can be shown: {verdict.why}")
    asked = _asked(settings)
    for form in asked:
        if not fits(form, verdict):
            yield Preview(
                well=False, text=f"{form.name}: made for positive studies only, and this one came out negative"
            )
    for one in render(verdict, source, Order(forms=tuple(asked)), time.time()):
        yield _shown(one, source, out, asked[one.form])


def _asked(settings: Settings) -> dict[Form, str]:
    """Return each form with who asks for it; every form there is when nobody asks for any."""
    if not settings.destinations:
        return dict.fromkeys(EVERY_FORM, "")
    wanted = dict.fromkeys(form for one in settings.destinations for form in one.forms)
    return {form: ", ".join(one.name for one in settings.destinations if form in one.forms) for form in wanted}


def _read(settings: Settings, out: Path) -> tuple[StudyVerdict, ResultSource | None]:
    if out.exists() and not out.is_dir():
        raise BadUsage(f"--preview takes a folder, and {out} is a file")
    paths = write_phantom(HEAD, out / "source")
    files = FolderFiles()
    folder = look_into(out / "source", files)
    words = f"all {len(paths)} images of the synthetic head are there"
    whole = Evidence(kind=EvidenceKind.ANNOUNCED, received=len(paths), expected=len(paths), sentence=words)
    return read_study(build_offline_desk(settings, settings.model, files), folder, whole, progress("slices read"))


def _shown(one: RenderedObject, source: ResultSource, out: Path, who: str) -> Preview:
    name = f"{one.kind}-{one.form.dialect or one.number}"
    path = out / f"{name}.dcm"
    try:
        path.write_bytes(one.payload)
        beside = _for_people(one, source, out / name)
    except OSError as problem:
        raise Unavailable(f"cannot write to {out}: {problem.strerror}; name another folder") from None
    judged = validate(path)
    said = "valid" if judged.valid else judged.text or f"{len(judged.errors)} errors"
    to = f", for {who}" if who else ""
    text = f"{path.name} ({uid_name(one.sop_class)}{to}; see {', '.join(beside)}): {said}"
    return Preview(well=judged.valid, text=text, errors=judged.errors)


def _for_people(one: RenderedObject, source: ResultSource, stem: Path) -> list[str]:
    """Write what a person can look at, and name the files."""
    ds = dcmread(BytesIO(one.payload))
    if one.kind in (ObjectKind.SR, ObjectKind.KO):
        path = stem.with_suffix(".txt")
        path.write_text(as_text(ds), encoding="utf-8")
        return [path.name]
    from PIL import Image

    pictures = draw_state(ds, source.key_slices) if one.kind is ObjectKind.GSPS else [Image.fromarray(ds.pixel_array)]
    names = []
    for at, picture in enumerate(pictures, 1):
        path = stem.with_name(f"{stem.name}{f'-slice{at}' if one.kind is ObjectKind.GSPS else ''}.png")
        picture.save(path)
        names.append(path.name)
    return names
