/* SPDX-License-Identifier: Apache-2.0 */
/* Where the socket of the message API is when nobody says otherwise: daemon and clients agree on it here. */
#ifndef ADIT_API_SOCKET_PATH_H
#define ADIT_API_SOCKET_PATH_H

#define API_SOCKET_PATH ADIT_RUN_DIR "/aditd.sock"
/* Environment of clients. */
#define API_SOCKET_ENV "ADIT_SOCKET"

#endif
