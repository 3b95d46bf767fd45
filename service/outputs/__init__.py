"""Room 5: a verdict becomes DICOM files that a PACS files under the same patient and study; highdicom's only home."""
