"""Names for the arrays that lie beside the table: one entry a record, or one a call.

It holds no code and no data.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Rows: TypeAlias = npt.NDArray[np.bool_]  # which rows
Codes: TypeAlias = npt.NDArray[np.int8]  # a verdict or a cause a call
Ints: TypeAlias = npt.NDArray[np.signedinteger[Any]]  # counts, nano-dollars, or numbers of rows and names
