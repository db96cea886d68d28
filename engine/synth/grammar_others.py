"""Templates for questions about messages and contacts. See grammar.py."""

MESSAGES = """
what | What did {whom} (say|text me|tell me|write|mention|message me) about {about}?
what | What did {whom} (want|say) in that message about {about}?
what | What was {whom}'s message about {about}?
what | What was it {whom} (said|wrote|told me) about {about}?
what | What did {whom} let me know (about|regarding) {about}?
what | What did the message about {about} say?
what | What did someone (write|text) me about {about}?
what | What was I told about {about}?
what | What was the news about {about}?
what | What did I hear from {whom} about {about}?
what | What did {whom} have to say about {np}?
what | What did {whom} (text|message|write|tell) me about {np}?
what | What did {whom} (bring up|mention) concerning {np}?
what | What exactly did {whom} say on {about}?
what | !What did {whom} (text|write|message) me (about|)?
what | !What did I hear from {whom}?
what | !What did {whom} want from me?
what | !What was {whom}'s message about?
what | !What did {whom} write to me about?
who | Who (told|texted|wrote to|messaged) me about {about}?
who | Who (told me|said|let me know|mentioned|wrote|texted|claimed) that {told}?
who | Who (told me|said) {told}?
who | Who was it that (told|texted|messaged) me about {about}?
who | Who (brought up|mentioned|wrote about|was on about) {about}?
who | Who sent me (a message|a text|something|word) about {about}?
who | Who did I hear from about {about}?
who | Who informed me that {told}?
who | From whom did I hear that {told}?
who | Who had something to say about {about}?
who | Who got in touch about {about}?
who | Who contacted me about {np}?
who | Who (texted|messaged|wrote to) me about {np}?
who | Whose message was it about {about}?
who | Who first told me that {told}?
who | Who let me know about {about}?
who | What's the name of the person who wrote to me about {about}?
who | Who did the news that {told} come from?
when | ~When did {whom} (text|message|write to|tell|write) me about {about}?
when | ~When did {whom} (tell me|mention|say|let me know|write) that {told}?
when | ~When did I (hear|find out|learn) that {told}?
when | ~When did I get (a|the|that) (message|text) about {about}?
when | ~When did {whom} bring up {about}?
when | ~When was I told that {told}?
when | ~When did {whom} send me something about {about}?
when | ~When was {whom}'s message about {about}?
when | ~What day did {whom} write to me about {about}?
when | .How long ago did {whom} tell me that {told}?
when | ~When did the message about {about} arrive?
when | ~When did somebody let me know that {told}?
when | ~When did I hear from {whom} about {about}?
when | ~When did word reach me that {told}?
when | <When did {whom} last (text|message|write to) me about {np}?
when | <When did I last hear from {whom} about {np}?
yes-no | Did {whom} (tell me|say|mention|text me|let me know|write) that {told}?
yes-no | Did {whom} (text|message|write to|tell|remind) me about {about}?
yes-no | Did {whom} (mention|bring up|say anything about|say something about) {about}?
yes-no | Did I (get|receive) (a message|a text|word) (about|regarding) {about}?
yes-no | Did I (get|receive) a message from {whom} about {about}?
yes-no | Did I hear from {whom} about {about}?
yes-no | Did (anybody|anyone|someone|somebody) (tell me|say|mention|let me know) that {told}?
yes-no | Did (anybody|anyone|someone|somebody) (text|message|write to) me about {about}?
yes-no | Did I find out that {told}?
yes-no | Was it {whom} who (told me|said|wrote) that {told}?
yes-no | Was it {whom} who (texted|messaged|wrote to) me about {about}?
yes-no | Was there (a message|something|a text|any word) (about|on|regarding) {about}?
yes-no | Was there (a message|anything) from {whom} about {about}?
yes-no | Did {whom} ever (get back to me|write to me|say a word) about {about}?
yes-no | Did {whom} (text|message|write to) me about {np}?
yes-no | Did I hear (anything|something) from {whom} about {np}?
yes-no | Did I get a message about {np}?
yes-no | Was I told (that {told}|about {about})?
yes-no | Did {whom} really (say|tell me|write) that {told}?
what | !What did {whom} (tell me|say|mention|write)?
what | !What did {whom} and I text about?
what | !What did I (talk|text|write) with {whom} about?
what | What was the message from {whom} about {about} saying?
what | What is it {whom} (said|told me) about {about}?
who | !Who was it that (texted|messaged|wrote to) me?
yes-no | Did I (talk|text|chat) with {whom} about {about}?
yes-no | Did {whom} and I (talk|text) about {about}?
yes-no | Did I text with {whom} about {np}?
yes-no | !Did I (talk to|text with|hear from|get a message from) {whom}?
yes-no | !Did {whom} (text|message|write to) me?
yes-no | Did {whom} mention {about} to me?
yes-no | Was there a text from {whom} about {about}?
"""

CONTACTS = """
who | .Who is (the person|the one|it) who {who}?
who | .What's the name of the person who {who}?
who | What is the name of the (person|one) I saved{time} who {who}?
who | .What's (the person|the one|whoever) who {who} called?
who | .What was the name again of the (person|one) who {who}?
who | .Who was it that {who}?
who | .What name did I save for the person who {who}?
who | .Who do I know who {who}?
who | Who did I add to my contacts{time} who {who}?
who | Who did I save in my phone{time} from {np}?
who | Who did I add to my contacts (because of|from|for|through|after) {np}?
who | Whose number did I take down in connection with {np}?
who | Whose details did I save because of {np}?
who | !Who did I (add to my contacts|save in my phone|put in my address book)?
who | !Who was the person I added to my contacts?
who | !Whose details did I save?
who | .Which name do I have for the person who {who}?
what | .What's the email of the person who {who}?
what | .What is the email (address|) of the (person|one) who {who}?
what | .What (address|email) do I have for the person who {who}?
what | .How do I (reach|contact|get hold of|get in touch with|write to) the (person|one) who {who}?
what | .What's {whom}'s email (address|)?
what | .What is {whom}'s email (address|)?
what | .What's the email address I saved for {whom}?
what | .What (contact details|address|email) do I have for {whom}?
what | .How do I (reach|contact|get hold of|get in touch with|email) {whom}?
what | .Where can I write to {whom}?
what | .Email of the person who {who}?
what | .Which email does the person who {who} use?
what | .Where do I send an email to reach the person who {who}?
what | .What are the contact details of the one who {who}?
when | ~When did I add the person who {who} (to my contacts|to my phone|to my address book|)?
when | ~When did I save the (details|contact|email) of the person who {who}?
when | ~When did I (add {whom} to my contacts|save {whom} as a contact|store a contact for {whom})?
when | ~When did I get {whom}'s (email|contact details|contact info)?
when | ~When did I put {whom} in my (phone|address book)?
when | ~When did the person who {who} give me their (email|contact info|details)?
when | .Since when do I have the contact of the person who {who}?
when | ~When did I first save someone who {who}?
when | ~When did {whom} give me (their|some) contact (details|info)?
yes-no | Did I add the person who {who} to my (contacts|address book|phone)?
yes-no | Did I (save|note down|take down|store|keep) the (contact|email|details) of the person who {who}?
yes-no | Did I add (someone|somebody|anyone) from {np} to my contacts?
yes-no | Did the person who {who} give me (their email|their contact info|an address|their details)?
yes-no | .Do I have the (contact|email|contact details|details) of the person who {who}?
yes-no | .Have I saved (anyone|someone|somebody) who {who}?
yes-no | .Is the person who {who} in my (contacts|phone|address book)?
yes-no | Did {whom} give me (their|an) email (address|)?
yes-no | Did {whom} give me contact (info|details)?
yes-no | Did I (add {whom} to my contacts|save {whom} in my phone|put {whom} in my address book)?
yes-no | .Do I have {whom}'s (email|contact info|email address)?
yes-no | .Have I got {whom}'s (email|address) (somewhere|saved|in my phone)?
yes-no | .Do I have a contact for {whom}?
yes-no | .Have I stored an email for the (person|one) who {who}?
yes-no | .Is there an email for {whom} in my contacts?
yes-no | Did I ever get the (email|contact info) of the person who {who}?
yes-no | .Do I know how to reach the person who {who}?
yes-no | !Did I (add anyone to my contacts|save somebody in my phone|add someone new to my contacts|save a new contact)?
who | .Who can I ask who {who}?
who | Who did I (save|note down) as a contact (around|because of|thanks to) {np}?
what | .What's the best way to reach {whom}?
when | ~When did I take down the email of the person who {who}?
when | ~When was it that I saved {whom}'s (details|email)?
yes-no | .Any chance I have the email of the person who {who}?
yes-no | .Do my contacts have (someone|anyone) who {who}?
what | .What is the name of the person who {who}?
what | !What is the name of the person I added?
yes-no | Did I add {whom}?
yes-no | Did I add {whom} as a contact?
"""
