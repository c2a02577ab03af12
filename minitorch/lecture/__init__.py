"""The lecture "Demystifying Deep Learning", as a program: ``python -m minitorch.lecture``.

The lecture fits a straight line by hand, finds that a straight line cannot tell two half moons apart,
stacks neurons until one can, and asks when to stop training. This package does the same in the same order,
on the same data, with the training loop of the slides.

Read in this order:

* ``data``      the lecture's two data sets, without scikit-learn
* ``models``    its building blocks, linear neuron and perceptron; how it trains and measures them
* ``line``      first half: one x, one y, gradient descent by hand
* ``moons``     second half: two x, a binary y, from one neuron to deep networks
* ``report``    what is printed: headings, progress bars, the table
* ``figures``   the pictures (needs matplotlib)

Source: M. Jacobs-Harukawa, "Demystifying Deep Learning", Princeton DDSS 2023, with its public code book
(https://github.com/muhark/nn-tutorial, part1). The steps and numbers are the lecture's; the code is ours.
"""
