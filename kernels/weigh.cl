/*
 * Line integrals of a diverging beam, before they are filtered: times what redundancy leaves of a ray and the cosine of
 * its angle to the central one.
 */

/* The column and row of the central ray times minus a pitch, and the pitches, in units of the distance to the source.
 * The first row of `lines`. */
typedef struct rays {
  float first_column, column, first_row, row;
  int rows_begin, columns, rows;
  int step; /* of the table from a view to the next; 0: all views share its weights */
} rays;

/* Item (column, row, view): lines[view][row][column], weights[view][column] from the view `first_view` on. */
kernel void weigh(const rays r, global const float *weights, const long first_view, global float *lines) {
  const long column = get_global_id(0), row = get_global_id(1), view = get_global_id(2);
  if (column >= r.columns || row >= r.rows) {
    return;
  }
  const float across = r.first_column + (float)column * r.column;
  const float height = r.first_row + (float)(r.rows_begin + row) * r.row;
  const float cosine = 1 / sqrt(fma(height, height, 1.0f) + across * across);
  lines[(view * r.rows + row) * r.columns + column] *= weights[(first_view + view) * r.step + column] * cosine;
}
