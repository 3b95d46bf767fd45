"""Who says it: the node itself, a device; no person has seen what it says (PS3.16 TID 1002, TID 1004)."""

from __future__ import annotations

from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext

from service.dicom.uids import derived_uid
from service.outputs import concepts
from service.outputs.frame import MANUFACTURER, Task
from service.outputs.rules import plain


def observer(task: Task) -> ObserverContext:
    """Name the node, known by its pack."""
    attributes = DeviceObserverIdentifyingAttributes(
        uid=derived_uid("ichor", "device", task.source.pack.pack_hash),
        name="Ichor",
        manufacturer_name=MANUFACTURER,
        model_name=plain(task.source.pack.name, 64),
    )
    return ObserverContext(observer_type=concepts.DEVICE, observer_identifying_attributes=attributes)
