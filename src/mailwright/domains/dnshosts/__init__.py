"""DNS hosts: who runs a zone, and how a record goes into that host's form."""

from mailwright.domains.dnshosts.entry import Entry as Entry
from mailwright.domains.dnshosts.form import Field as Field
from mailwright.domains.dnshosts.form import Form as Form
from mailwright.domains.dnshosts.form import form as form
from mailwright.domains.dnshosts.instructions import Instructions as Instructions
from mailwright.domains.dnshosts.instructions import instructions as instructions
from mailwright.domains.dnshosts.provider import Provider as Provider
from mailwright.domains.dnshosts.provider import Source as Source
from mailwright.domains.dnshosts.reading import read_provider as read_provider
from mailwright.domains.dnshosts.recognise import Recognition as Recognition
from mailwright.domains.dnshosts.recognise import provider_of as provider_of
from mailwright.domains.dnshosts.recognise import recognise as recognise
from mailwright.domains.dnshosts.snippet import zone_snippet as zone_snippet
