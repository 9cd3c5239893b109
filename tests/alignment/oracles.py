"""The formulas of the aligner once more, pair by pair and cell by cell, in plain Python without torch."""

import itertools


def transposed(matrix):
    return [list(column) for column in zip(*matrix, strict=True)]


def first_largest(values):
    return max(range(len(values)), key=lambda index: (values[index], -index))


def mutual(by_rows, by_columns):
    """Links of rows and columns that choose each other."""
    row_choice = [first_largest(row) for row in by_rows]
    column_choice = [first_largest(column) for column in transposed(by_columns)]
    return {(i, j) for i, j in enumerate(row_choice) if column_choice[j] == i}


def sinkhorn(matrix, steps, clamp=True):
    """The plan after rows and after columns; without `clamp` negative numbers stay, as in the published script."""
    plan = [[value if value > 0 or not clamp else 1e-6 for value in row] for row in matrix]
    by_columns = plan
    for _ in range(steps):
        by_columns = transposed([[value / sum(column) for value in column] for column in transposed(plan)])
        plan = [[value / sum(row) for value in row] for row in by_columns]
    return plan, by_columns


def transport(matrix, steps=2, clamp=True):
    """XLM-Align's links between pieces."""
    return mutual(*sinkhorn(matrix, steps, clamp))


def itermax(matrix, max_count=2):
    """SimAlign's itermax from its description: three cases per cell, round after round."""
    links = mutual(matrix, matrix)
    height, width = len(matrix), len(matrix[0])
    for _ in range(max_count - 1):
        taken_rows, taken_columns = {i for i, _ in links}, {j for _, j in links}
        if min(height, width) <= 2 or len(taken_rows) == height or len(taken_columns) == width:
            break
        weighed = [
            [value * (1.0, 0.9, 0.0)[(i in taken_rows) + (j in taken_columns)] for j, value in enumerate(row)]
            for i, row in enumerate(matrix)
        ]
        found = {(i, j) for i, j in mutual(weighed, weighed) if not (i in taken_rows and j in taken_columns)}
        if found <= links:
            break
        links |= found
    return links


def matching(matrix):
    """The best of all matchings of the shorter side, by trying every one."""
    height, width = len(matrix), len(matrix[0])
    if height > width:
        return {(i, j) for j, i in matching(transposed(matrix))}
    best = max(
        itertools.permutations(range(width), height), key=lambda js: sum(matrix[i][j] for i, j in enumerate(js))
    )
    return set(enumerate(best))
