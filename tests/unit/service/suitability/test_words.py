"""What free text says about region and contrast."""

from __future__ import annotations

import pytest

from service.suitability.words import Region, agent_given, region, says_plain, speaks_of_contrast


@pytest.mark.parametrize("text", [
    "HEAD", "BRAIN", "SKULL", "HEADNECK", "Kopf nativ", "Schädel", "SCHAEDEL", "CRANE SANS IV", "TC CRANIO", "Tête",
    "CABEZA", "Crânio", "STD BRAIN 5MM", "1A TRAUMA/PLAIN HEAD DM", "CT CEREBRAAL", "Neurocranium 1.0", "Hoofd", "頭部",
    "COLLO CRANIO TOTBODY SENZA E CON", "Head and C-spine",
])  # fmt: skip
def test_heads_are_understood(text: str) -> None:
    assert region(text) is Region.HEAD


@pytest.mark.parametrize("text", [
    "CHEST", "HELICAL CHEST", "ABDOMEN", "CT Body 3.0", "LSPINE", "C-Spine 2.0", "Thorax", "BACINO ANCA", "LWS",
    "Becken", "PELVIS", "NECK", "6.9 Colonoscopy", "Chest/ABD(LUTS)/Thorax", "Knie links", "Sinus", "Orbits",
    "Wirbelsäule",
])  # fmt: skip
def test_other_regions_are_understood(text: str) -> None:
    assert region(text) is Region.OTHER


@pytest.mark.parametrize(
    "text", ["", "PARTIALBODY", "JPEG 2000 Compressed Image", "TOTAL B", "None", "Axial 5.0", "FDG_TK_KM", "e+1"]
)
def test_junk_says_nothing(text: str) -> None:
    assert region(text) is Region.SILENT


@pytest.mark.parametrize(
    "agent", ["Iomeron", "APPLIED", "CE", "ISOVUE300/100", "Omnipaque 350", "YES", "Ultravist i.v."]
)
def test_agents(agent: str) -> None:
    assert agent_given(agent)


@pytest.mark.parametrize(
    "agent", ["", " ", "NONE", "No", "N/A", "W/O", "without", "without contrast", "ohne KM", "0", "-", "nativ", "SENZA"]
)
def test_no_agents(agent: str) -> None:
    assert not agent_given(agent)


@pytest.mark.parametrize("text", [
    "Head 0.5 CE Axial   4D-Vol.", "CTA Head", "Angio Kopf", "Perfusion", "HEAD POST CONTRAST", "Brain C+", "Head +C",
    "Kopf mit KM", "HEAD W CONTRAST", "Head with IV contrast", "venous phase", "Premonitoring", "crâne injecté",
    "HEAD W/O & W CONTRAST", "Contrast enhanced head", "arteriell",
])  # fmt: skip
def test_contrast_is_understood(text: str) -> None:
    assert speaks_of_contrast(text)


@pytest.mark.parametrize("text", [
    "", "Head 5.0 H30s", "HEAD W/O CONTRAST", "Head without IV contrast", "non-contrast head", "noncontrast", "NCCT",
    "Kopf ohne KM", "unenhanced head", "non-enhanced", "crâne sans injection", "cranio senza mdc", "Head C-",
    "pre-contrast", "STD BRAIN 5MM", "Cerebrum", "iMAR artefact", "Scout",
])  # fmt: skip
def test_no_contrast_is_understood(text: str) -> None:
    assert not speaks_of_contrast(text)


@pytest.mark.parametrize("text", ["PLAIN HEAD", "NCCT", "Kopf nativ", "w/o contrast"])
def test_plain_is_understood(text: str) -> None:
    assert says_plain(text)
