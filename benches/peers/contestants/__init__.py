"""The contestants. Each is a process of its own, with one JSON object per line of input and output.

simsimd and usearch don't work in one process, threads of one BLAS would spin beside another's, and Node needs a process
anyway (`original.js` has the same protocol). Vectors are float32 in memory order.
"""
