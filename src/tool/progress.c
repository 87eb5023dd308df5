#include "tool/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_COLUMNS = 40 };

static volatile sig_atomic_t interrupted;
static int visible_bar;
static int shown_percent = -1;

static void on_interrupt(int number) {
  (void)number;
  interrupted = 1;
}

void kvox_tool_progress_start(int visible) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART | (int)SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  visible_bar = visible && isatty(STDERR_FILENO);
}

static int32_t report(void *user, double fraction) {
  (void)user;
  const int percent = (int)(100 * fraction);
  if (visible_bar && percent != shown_percent) {
    const int filled = percent * BAR_COLUMNS / 100;
    char bar[BAR_COLUMNS + 1];
    memset(bar, '.', BAR_COLUMNS);
    memset(bar, '#', (size_t)(filled < 0 ? 0 : filled > BAR_COLUMNS ? BAR_COLUMNS : filled));
    bar[BAR_COLUMNS] = '\0';
    fprintf(stderr, "\r[%s] %3d %%", bar, percent);
    fflush(stderr);
    shown_percent = percent;
  }
  return interrupted;
}

void kvox_tool_progress_attach(kvox_workspace *workspace) { kvox_workspace_set_progress(workspace, report, NULL); }

void kvox_tool_progress_clear(void) {
  if (shown_percent >= 0) {
    fprintf(stderr, "\r%*s\r", BAR_COLUMNS + 8, "");
    shown_percent = -1;
  }
}

kvox_status kvox_tool_progress_interrupted(void) { return interrupted ? KVOX_ERROR_CANCELLED : KVOX_OK; }
