"""The four published systems, rebuilt from their descriptions.

`systems` says what each is, the other files are its parts:
systems     labels, windows, sizes and heads of the four, as data        (numpy only, as is everything without a net)
inputs      HU to network input, one function per published variant
features    PCA and feature selections, slice spacing, scan scores
intervals   rates of a confusion matrix with exact intervals
backbones   pooled networks with a linear head, by name through timm      (torch from here on: the `train` extra)
effclass · burduja · wang · saraswathi    the networks
bench       probabilities, features and Grad-CAM in one graph; graph writes it as ONNX
"""
