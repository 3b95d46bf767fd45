"""What the four papers report, on their own data: quoted for orientation, never a comparison on equal terms."""

from dataclasses import dataclass

from models.seeds.intervals import Confusion


@dataclass(frozen=True)
class Published:
    """One row of a paper; empty = not reported. Shares are percentages with the paper's own intervals."""

    system: str
    where: str  #: table and data
    n: str
    acc: str = ""
    tpr: str = ""
    tnr: str = ""
    ppv: str = ""
    npv: str = ""
    auc: str = ""
    loss: str = ""


EFFCLASS = "EfficientClassification (Cortes-Ferre 2023)"
BURDUJA = "ResNeXt-101 + BiLSTM (Burduja 2020)"
WANG = "CNN + sequence models (Wang 2021)"
SARASWATHI = "ResNet-50 (Saraswathi)"

SLICE_ROWS = (
    Published(EFFCLASS, "Table 1, RSNA, balanced 1:1, threshold 0.5", "10,014 slices",
              "92.7", "91.4", "94.0", "93.8", "91.6", "0.978"),
    Published(EFFCLASS, "Table 1, RSNA, balanced 1:1, threshold 0.9", "10,014 slices",
              "88.1", "77.4", "98.7", "98.4", "81.4", "0.978"),
    Published(BURDUJA, "Table 3, RSNA hold-out", "24,290 slices", "96.0", "86.1", "97.8", auc="0.984"),
    Published(WANG, "ensemble, RSNA batch 1", "78,545 slices", tpr="95.0", tnr="94.4", auc="0.988"),
    Published(WANG, "ensemble, PhysioNet ct-ich", "2,814 slices", tpr="88.7", tnr="94.4", auc="0.964"),
    Published(WANG, "ensemble, CQ500", "171,390 slices", tpr="91.4", tnr="84.4", auc="0.949"),
    Published(SARASWATHI, "pictures, 80/20 split; their AUC is (TPR + TNR) / 2", "40 pictures",
              "80", "80", "80", "80", auc="0.80"),
    Published(BURDUJA, "Table 2, RSNA stage 2 private", "121,232 slices", loss="0.0499"),
    Published(WANG, "ensemble, RSNA stage 2 private (rank 1)", "121,232 slices", loss="0.0438"),
)  # fmt: skip
SERIES_ROWS = (
    Published(BURDUJA, "Table 3, RSNA hold-out", "744 scans", "95.2", "94.4", "95.8", auc="0.979"),
    Published(BURDUJA, "Table 5, scans also read by three doctors", "100 scans", "97", "96", "98"),
    Published(WANG, "ensemble, RSNA batch 1", "2,214 scans", tpr="94.5", tnr="99.5"),
    Published(WANG, "ensemble, CQ500", "491 scans", auc="0.985"),
)
PATIENT_ROWS = (
    Published(EFFCLASS, "Table 2, RSNA, 5 % of slices above 0.8", "947 patients", "95.5 (93.9-96.7)",
              "94.9 (92.1-96.9)", "95.8 (93.9-97.3)", "93.6 (90.8-95.6)", "96.7 (94.9-97.8)"),
    Published(EFFCLASS, "Table 2, RSNA, 10 % of slices above 0.8", "947 patients", "93.6 (91.8-95.0)",
              "88.1 (84.4-91.3)", "97.0 (95.3-98.3)", "95.1 (92.3-96.9)", "92.7 (90.6-94.4)"),
    Published(EFFCLASS, "clinical set, 10 %", "55 patients", "100 (93.5-100)", "100 (92.5-100)", "100 (63.1-100)",
              "100", "100"),
)  # fmt: skip
ROWS = {"slice": SLICE_ROWS, "series": SERIES_ROWS, "patient": PATIENT_ROWS}

#: Table 2 of EfficientClassification as counts, which give back its percentages and intervals
TABLE_2 = {"5 %": Confusion(tp=352, fn=19, fp=24, tn=552), "10 %": Confusion(tp=327, fn=44, fp=17, tn=559)}
