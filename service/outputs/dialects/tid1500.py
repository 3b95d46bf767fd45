"""The finding after TID 1500 (PS3.16), for readers that understand measurements: Comprehensive 3D SR."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from highdicom.sr import (
    AlgorithmIdentification,
    ContainerContentItem,
    ContentSequence,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)

from service.dicom.uids import derived_uid
from service.domain.verdict import ANY
from service.outputs import concepts
from service.outputs.finding import Algorithm, Finding, KeyImage, Statement
from service.outputs.frame import Task
from service.outputs.library import library_images
from service.outputs.observer import observer
from service.outputs.rules import plain


def content(task: Task, finding: Finding) -> ContentSequence:
    """Write an Imaging Measurement Report."""
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer(task)),
        procedure_reported=concepts.HEAD_CT,
        imaging_measurements=[_main_group(task, finding), *_kind_groups(task, finding)],
        referenced_images=library_images(task) or None,
    )
    report[0].ContentSequence.append(_statements(finding))
    return report


def _main_group(task: Task, finding: Finding) -> MeasurementsAndQualitativeEvaluations:
    """State the finding, present or absent, with its probability and the slices to look at (TID 1501)."""
    context = concepts.PRESENT if finding.present else concepts.ABSENT
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(task, ANY, "intracranial hemorrhage"),
        finding_type=concepts.HEMORRHAGE,
        finding_sites=[FindingSite(anatomic_location=concepts.INTRACRANIAL)],
        algorithm_id=_algorithm(finding.algorithm),
        measurements=_certainty(finding.probability),
        qualitative_evaluations=[QualitativeEvaluation(concepts.FINDING_CONTEXT, context)],
        source_images=_source_images(finding.key_images) or None,
    )


def _kind_groups(task: Task, finding: Finding) -> Iterator[MeasurementsAndQualitativeEvaluations]:
    """State each kind's probability; no present or absent, since no threshold was set for kinds."""
    for label, probability in finding.kinds:
        yield MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(task, label, f"{plain(label)} hemorrhage"),
            finding_type=concepts.kind_of_bleed(plain(label)),
            finding_sites=[FindingSite(anatomic_location=concepts.site_of(label))],
            measurements=_certainty(probability),
        )


def _algorithm(algorithm: Algorithm) -> AlgorithmIdentification:
    """TID 4019."""
    return AlgorithmIdentification(
        name=algorithm.name,
        version=algorithm.version,
        parameters=list(algorithm.parameters),
        manufacturer=algorithm.maker,
    )


def _tracking(task: Task, label: str, words: str) -> TrackingIdentifier:
    """Name a finding the same way in every version of the report."""
    return TrackingIdentifier(uid=derived_uid(task.verdict.study_uid, "tracking", label), identifier=f"Ichor {words}")


def _certainty(probability: float | None) -> list[Measurement] | None:
    if probability is None:
        return None
    return [Measurement(name=concepts.CERTAINTY, value=round(float(probability), 4), unit=concepts.NO_UNITS)]


def _source_images(images: Sequence[KeyImage]) -> list[SourceImageForMeasurementGroup]:
    frames: dict[tuple[str, str], list[int]] = {}
    for one in images:
        frames.setdefault((one.sop_class, one.sop_uid), []).extend([] if one.frame is None else [one.frame])
    return [SourceImageForMeasurementGroup(*image, numbers or None) for image, numbers in frames.items()]


def _statements(finding: Finding) -> ContainerContentItem:
    """Lay the sentences into the container that TID 1500 has for what is no measurement."""
    told = [Statement(topic=concepts.INTENDED_USE, text=finding.purpose), *finding.statements]
    told += [Statement(topic=concepts.SUITABILITY, text=one) for one in finding.suitability.checks]
    told += [Statement(topic=concepts.KEY_SLICE, text=one.words) for one in finding.key_images]
    container = ContainerContentItem(name=concepts.QUALITATIVE, relationship_type=RelationshipTypeValues.CONTAINS)
    container.ContentSequence = ContentSequence(
        [TextContentItem(one.topic, one.text, RelationshipTypeValues.CONTAINS) for one in told]
    )
    return container
