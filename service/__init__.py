"""Ichor: a triage node for head CT on the hospital's DICOM network.

A scan walks one straight corridor; each room is a folder and knows nothing of the next one.

intake       1  association -> ReceivedInstance: the C-STORE door, answers after fsync and row
assembly     2  instances -> complete series: by evidence, gaps named
suitability  3  series -> checks: which scans are read, and why another is not
inference    4  slices -> SliceReadings: the one door into ``models``
aggregation  5  readings -> SeriesConclusion -> StudyVerdict: pure, site policy only
outputs      6  verdict -> DICOM files: heatmaps and structured report
delivery     7  outbox -> destinations: send, retry, proof of storage both ways
notify       7  outbox -> people and systems: HL7, webhooks, e-mail, UPS
worklist     8  verdicts -> ordered reading list: page, API, metrics
query        9  the same list for DICOM workstations: C-FIND at the door

worker       the walk itself: claim, read, conclude, commit
upkeep       the janitors: complete series, rescue jobs, watch the disk, purge
practice     synthetic scans and a small archive, to see the corridor at work
ledger       every acknowledged fact, in SQL
store        files on disk, named by their content
dicom        translation between data sets and the house's nouns
domain       the nouns: frozen, plain Python
wiring       the composition root: a builder per verb
cli          the verbs of the command ``ichor``
"""

__version__ = "0.4.0"
