/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "measure/markup.h"
#include "test.h"

static void becomes(const char *text, const char *wanted) {
        autostr out = {};

        markup_put(&out, text);
        expect_str(out.text ? out.text : "", wanted);
}

TEST(what_means_something_is_escaped) {
        becomes("a <b> & \"c\" 'd'", "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
        becomes("", "");
        becomes("Grüße → 世界", "Grüße → 世界");
        becomes("two\nlines\tand", "two\nlines\tand");
}

TEST(what_xml_cannot_have_becomes_a_question_mark) {
        becomes("\x01 \x1b[31m \x7f", "? ?[31m ?");
        becomes("\xff\xc3.", "??.");
        becomes("\xef\xbf\xbe \xef\xbf\xbf", "? ?");
        becomes("\xef\xbf\xbd", "\xef\xbf\xbd");
}
