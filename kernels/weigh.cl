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

/* A view given by itself: the ray to pixel (0, 0) and its steps from column to column and row to row, in any unit; what
 * moves across a ray of it; what it divides by, in row 0 and more from row to row. */
typedef struct own_rays {
  float corner[3], column[3], row[3];
  float across[2];
  float area, more_area;
} own_rays;

/* Nodes are rows of redundancy weights, which are linear between them: STEP rows apart, the first one at row
 * STEP first_node. */
#define STEP 8

/* Item (column, row, view): lines[view][row][column], nodes[view][node][column]; `where`: the first row, and how many
 * rows, columns and nodes there are. */
kernel void weigh_views(global const own_rays *scan, const long first_view, global const float *nodes,
                        const int first_node, const int4 where, global float *lines) {
  const int column = (int)get_global_id(0), at = (int)get_global_id(1), row = where.x + at;
  const long view = get_global_id(2);
  if (column >= where.z || at >= where.y) {
    return;
  }
  const own_rays own = scan[first_view + view];
  float ray[3];
  for (int c = 0; c < 3; c++) {
    ray[c] = fma((float)column, own.column[c], fma((float)row, own.row[c], own.corner[c]));
  }
  const float moved = fma(ray[0], own.across[0], ray[1] * own.across[1]);
  const float length = sqrt(fma(ray[0], ray[0], fma(ray[1], ray[1], ray[2] * ray[2])));
  global const float *low = nodes + (view * where.w + row / STEP - first_node) * where.z + column;
  const float redundancy = fma((float)(row % STEP) * (1.0f / STEP), low[where.z] - low[0], low[0]);
  const float area = fabs(fma((float)row, own.more_area, own.area));
  lines[(view * where.y + at) * where.z + column] *= redundancy * (moved / (area * length));
}
