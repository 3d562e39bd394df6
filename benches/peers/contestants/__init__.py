"""Those who answer, each in a process of its own: one JSON object a line in, and one out.

Processes, because simsimd and usearch don't get along in one, threads of one BLAS would spin beside another's, and Node
is one anyway (`original.js` is spoken to in the same way). Vectors are float32 as they lie in memory.
"""
