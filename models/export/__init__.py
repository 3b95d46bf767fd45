"""Checkpoint to pack: ONNX graphs stripped of local paths and checked against torch, and the card beside them.

graph      torch module to ONNX file
parity     ONNX Runtime against torch
slices     the slice graph: both of the above
variants   half precision and 8 bits, with what they lose
packs      a system's networks to a whole pack
command    `ichor export`
"""

from models.export.command import ExportOptions, export_run
from models.export.parity import check_parity
from models.export.slices import export, open_checkpoint

__all__ = ["ExportOptions", "check_parity", "export", "export_run", "open_checkpoint"]
