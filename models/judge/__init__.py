"""Judges a reader: reads cases through the serving path, counts, draws curves, writes a report.

Research use only, not for diagnosis. Figures come from scikit-learn and SciPy (`train` extra), plots from Matplotlib.
`command.evaluate` is the whole walk: cases -> readings -> judgement -> OUT/report.md, report.json, cases.csv, *.png.
"""
