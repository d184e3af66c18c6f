"""The SPF doctor: what is published and what is wrong with it, the record that mends it, and who would pass then."""

from mailwright.domains.spf.advise import SpfAdvice as SpfAdvice
from mailwright.domains.spf.advise import advise_spf as advise_spf
from mailwright.domains.spf.advise import try_spf as try_spf
from mailwright.domains.spf.preview import SpfPreview as SpfPreview
from mailwright.domains.spf.review import SpfReview as SpfReview
from mailwright.domains.spf.review import SpfSetting as SpfSetting
from mailwright.domains.spf.review import review_spf as review_spf
from mailwright.domains.spf.wish import ALL_WORDS as ALL_WORDS
from mailwright.domains.spf.wish import SpfWish as SpfWish
from mailwright.domains.spf.wish import ticked as ticked
