"""The verdict as a Comprehensive 3D SR after TID 1500 (PS3.16), unverified and preliminary by construction."""

from __future__ import annotations

from collections.abc import Iterator

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    ContainerContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)

from service.dicom.uids import derived_uid
from service.domain.delivery import ObjectKind
from service.domain.verdict import ANY, Verdict
from service.outputs import concepts
from service.outputs.frame import MANUFACTURER, SERIES_NUMBERS, Task, finish, ichor_version
from service.outputs.library import evidence, library_images, predecessor_item
from service.outputs.placement import frame_number
from service.outputs.rules import (
    NOTICE,
    REPORT_SERIES,
    check_words,
    evidence_words,
    finding_rows,
    plain,
    probability_words,
    rule_words,
    slice_words,
)
from service.outputs.source import Predecessor, RenderedObject


def report(task: Task, predecessor: Predecessor | None) -> RenderedObject:
    """Build the report; it supersedes ``predecessor`` where there is one."""
    document = Comprehensive3DSR(
        evidence=evidence(task),
        content=_content(task),
        series_instance_uid=task.series_uid(ObjectKind.SR),
        series_number=SERIES_NUMBERS[ObjectKind.SR],
        sop_instance_uid=task.sop_uid(ObjectKind.SR, 1),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=not _gaps(task),
        is_final=False,
        is_verified=False,
        previous_versions=[predecessor_item(predecessor)] if predecessor else None,
        series_description=REPORT_SERIES,
    )
    document.CodingSchemeIdentificationSequence = [concepts.declared_scheme()]
    document.CompletionFlagDescription = plain(evidence_words(task.conclusion), 64)
    return finish(document, task, ObjectKind.SR, 1)


def _gaps(task: Task) -> bool:
    return bool(task.conclusion.evidence and task.conclusion.evidence.gaps)


def _content(task: Task) -> MeasurementReport:
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(task)),
        procedure_reported=concepts.HEAD_CT,
        imaging_measurements=[_main_group(task), *_kind_groups(task)],
        referenced_images=library_images(task) or None,
    )
    content[0].ContentSequence.append(_statements(task))
    return content


def _observer(task: Task) -> ObserverContext:
    """Name the node itself as the observer; no person has seen this (TID 1004)."""
    attributes = DeviceObserverIdentifyingAttributes(
        uid=derived_uid("ichor", "device", task.source.pack.pack_hash),
        name="Ichor",
        manufacturer_name=MANUFACTURER,
        model_name=plain(task.source.pack.name, 64),
    )
    return ObserverContext(observer_type=concepts.DEVICE, observer_identifying_attributes=attributes)


def _algorithm(task: Task) -> AlgorithmIdentification:
    """Identify node and pack, so that a result can be traced to its weights (TID 4019)."""
    pack, parameters = task.source.pack, [f"pack hash {task.source.pack.pack_hash}"]
    if task.conclusion.decision:
        decision = task.conclusion.decision
        parameters += [f"decision rule {plain(decision.rule)}", f"slice threshold {decision.threshold:g}"]
    if pack.refines:
        parameters.append("slice probabilities refined over the whole scan")
    return AlgorithmIdentification(
        name=plain(f"Ichor {pack.name}"),
        version=plain(f"{pack.version} (Ichor {ichor_version()})"),
        parameters=parameters,
        manufacturer=MANUFACTURER,
    )


def _main_group(task: Task) -> MeasurementsAndQualitativeEvaluations:
    """State the finding, present or absent, with its probability and the slices to look at (TID 1501)."""
    positive = task.verdict.verdict is Verdict.POSITIVE
    context = concepts.PRESENT if positive else concepts.ABSENT
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(task, ANY, "intracranial hemorrhage"),
        finding_type=concepts.HEMORRHAGE,
        finding_sites=[FindingSite(anatomic_location=concepts.INTRACRANIAL)],
        algorithm_id=_algorithm(task),
        measurements=_certainty(task.verdict.probability),
        qualitative_evaluations=[QualitativeEvaluation(concepts.FINDING_CONTEXT, context)],
        source_images=_source_images(task) or None,
    )


def _kind_groups(task: Task) -> Iterator[MeasurementsAndQualitativeEvaluations]:
    """State each kind's probability; no present or absent, since no threshold was set for kinds."""
    for label, probability in finding_rows(task.conclusion):
        yield MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(task, label, f"{plain(label)} hemorrhage"),
            finding_type=concepts.kind_of_bleed(plain(label)),
            finding_sites=[FindingSite(anatomic_location=concepts.site_of(label))],
            measurements=_certainty(probability),
        )


def _tracking(task: Task, label: str, words: str) -> TrackingIdentifier:
    """Name a finding the same way in every version of the report."""
    return TrackingIdentifier(uid=derived_uid(task.verdict.study_uid, "tracking", label), identifier=f"Ichor {words}")


def _certainty(probability: float | None) -> list[Measurement] | None:
    if probability is None:
        return None
    return [Measurement(name=concepts.CERTAINTY, value=round(float(probability), 4), unit=concepts.NO_UNITS)]


def _source_images(task: Task) -> list[SourceImageForMeasurementGroup]:
    frames: dict[str, list[int]] = {}
    classes: dict[str, str] = {}
    for key in task.source.key_slices:
        uid = str(key.score.sop_uid)
        classes[uid] = task.sop_class(key)
        number = frame_number(key, classes[uid])
        frames.setdefault(uid, []).extend([] if number is None else [number])
    return [SourceImageForMeasurementGroup(classes[uid], uid, numbers or None) for uid, numbers in frames.items()]


def _statements(task: Task) -> ContainerContentItem:
    """Say in plain words what decided, how complete the scan was and what this may be used for (TID 1500)."""
    container = ContainerContentItem(name=concepts.QUALITATIVE, relationship_type=RelationshipTypeValues.CONTAINS)
    items = [TextContentItem(name, text, RelationshipTypeValues.CONTAINS) for name, text in _sentences(task) if text]
    container.ContentSequence = ContentSequence(items)
    return container


def _sentences(task: Task) -> Iterator[tuple[CodedConcept, str]]:
    conclusion = task.conclusion
    yield concepts.INTENDED_USE, NOTICE
    yield concepts.CONCLUSION, plain(task.verdict.why)
    yield concepts.DECISION_RULE, rule_words(conclusion)
    yield concepts.COMPLETENESS, evidence_words(conclusion)
    for check in conclusion.suitability:
        yield concepts.SUITABILITY, check_words(check)
    for key in task.source.key_slices:
        words = f"{slice_words(key.score, conclusion)}: probability {probability_words(key.score.probability)}"
        yield concepts.KEY_SLICE, words
    for other in task.verdict.conclusions:
        if other is not conclusion:
            words = f"series {other.series_uid}: {other.verdict.value}, {other.why}"
            yield concepts.OTHER_SERIES, plain(words)
    yield concepts.SITE_POLICY, plain(task.verdict.policy)
