/* fake_fetch: http/fetch.h for tests. Every request is answered on the loop's next turn with what
 * the test put into fake_fetch_answer; the request's headers are kept to be looked at. */
#ifndef COLLECT_FAKE_FETCH_H
#define COLLECT_FAKE_FETCH_H

#include "http/fetch.h"

extern struct fetch_result fake_fetch_answer;
extern bool fake_fetch_silent;  /* never answers: until cancelled */
extern bool fake_fetch_refuses; /* fetch_start fails */
extern unsigned fake_fetch_started, fake_fetch_alive;
extern char fake_fetch_request[2000]; /* url and headers of the last, one a line */

#endif
