"""The four published systems, rebuilt from their descriptions.

`systems` says what each is, the other files are its parts:
systems     labels, windows, sizes and heads of the four, as data        (numpy only, as is everything without a net)
cards       preprocessing, rule and words of their cards, as data
features    PCA and feature selections, scan scores
intervals   rates of a confusion matrix with exact intervals
backbones   pooled networks with a linear head, by name through timm      (torch from here on: the `train` extra)
effclass · burduja · wang · saraswathi    the networks
registry    a system's networks by name and configuration
bench       probabilities, features and Grad-CAM in one graph, and what they have to equal
awake       untrained networks that react, for proofs
prove       all of them in full size through the whole export
"""
