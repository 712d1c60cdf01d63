/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of tools/confdoc that have a file of their own. */
#ifndef ADIT_TOOLS_CONFDOC_H
#define ADIT_TOOLS_CONFDOC_H

void words_page(void);

#endif
