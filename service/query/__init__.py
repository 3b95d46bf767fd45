"""C-FIND at the door: any DICOM workstation lists the flagged studies, the most urgent first. Only reads."""
