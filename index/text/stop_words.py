"""Words that say too little to be searched for, by language: articles, prepositions, pronouns, auxiliaries and question words."""

from __future__ import annotations

# fmt: off
# English: the stop words of Lucene and tantivy, plus question words and auxiliaries.
_WORDS = {
    "en":
        "a about above after again all also am an and any are as at be because been before being below between both but by can could"
        " did do does doing down during each few for from further had has have having he her here hers herself him himself his how i"
        " if in into is it its itself just me more most my myself no nor not now of off on once only or other our ours ourselves out"
        " over own same she should so some such than that the their theirs them themselves then there these they this those through to"
        " too under until up very was we were what when where which while who whom why will with would you your yours yourself"
        " yourselves dont cant wont didnt doesnt isnt arent wasnt werent havent hasnt wouldnt couldnt shouldnt im ive youre thats"
        " whats theres",
    "ar":
        "من في على إلى عن مع أن إن أو ثم لا ما لم لن هل هذا هذه ذلك تلك هؤلاء الذي التي الذين اللذان اللاتي هو هي هم هن أنا نحن أنت"
        " كان كانت يكون تكون كانوا قد كل بعض غير بين عند منذ حتى إذا لكن كما أي أية أيضا متى أين كيف كم لماذا ماذا منها فيها عليها"
        " إليها منه فيه عليه إليه بها به لها له لهم عنها عنه التى ليس ليست بعد قبل خلال حول تحت فوق أمام وراء",
    "de":
        "der die das den dem des ein eine einen einem einer eines und oder aber doch denn weil dass ob wenn als wie wo wer wen wem"
        " wessen was wann warum wieso weshalb welche welcher welches welchen welchem wieviel viel viele ich du er sie es wir ihr mich"
        " dich ihn uns euch ihm ihnen mir dir sich mein dein sein seine seinen seinem seiner seines ihre ihren ihrem ihrer ihres unser"
        " euer dieser diese dieses diesen diesem jener jene jenes jeder jede jedes jedem jeden kein keine keinen keinem keiner nicht"
        " auch nur noch schon sehr so zu zum zur in im ins an am ans auf aus bei beim bis durch für gegen hinter mit nach neben ohne"
        " seit über um unter von vom vor während wegen zwischen ist sind war waren bin bist wird werden wurde wurden worden hat haben"
        " hatte hatten habe kann können konnte konnten muss müssen soll sollen darf dürfen will wollen man da dort hier dann nun",
    "es":
        "el la los las lo un una unos unas y e o u pero porque que qué quien quién quienes quiénes cual cuál cuales cuáles cuando"
        " cuándo donde dónde como cómo cuanto cuánto cuanta cuánta cuantos cuántos cuantas cuántas por para con sin sobre entre hasta"
        " desde hacia según durante contra ante bajo tras de del a al en no ni si sí ya muy más menos también tan yo tú él ella ello"
        " nosotros ellos ellas usted ustedes me te se nos os le les mi tu su sus mis tus nuestro nuestra este esta esto estos estas"
        " ese esa eso esos esas aquel aquella es son era eran fue fueron ser sido siendo está están estaba estaban ha han había habían"
        " hay haber he tiene tienen tenía puede pueden podía otro otra otros otras todo toda todos todas",
    "fr":
        "le la les un une des du de au aux et ou mais donc car que qui quoi dont où quand comment pourquoi combien quel quelle quels"
        " quelles je tu il elle on nous vous ils elles me te se lui leur leurs mon ma mes ton ta tes son sa ses notre nos votre vos ce"
        " cet cette ces cela ça en dans par pour sur sous avec sans entre vers chez depuis pendant avant après contre ne pas plus"
        " moins aussi très si est sont était étaient être été a ont avait avaient avoir fait peut peuvent tout toute tous toutes autre"
        " autres même",
    "it":
        "il lo la i gli le un uno una e o ma perché che chi cui quale quali quando dove come quanto quanta quanti quante di del dello"
        " della dei degli delle a al allo alla ai agli alle da dal dalla dai dalle in nel nella nei nelle su sul sulla con per tra fra"
        " senza non più meno anche molto si io tu lui lei noi voi loro mi ti ci vi mio tuo suo sua suoi sue nostro questo questa"
        " questi queste quello quella quelli è sono era erano essere stato stata ha hanno aveva avevano avere può possono altro altri"
        " tutto tutti",
    "nl":
        "de het een en of maar want omdat dat die wie wat waar wanneer waarom hoe hoeveel welke welk ik jij je u hij zij ze wij we"
        " jullie mij hem haar ons hen hun mijn jouw zijn uw onze dit deze van in op aan bij met naar om onder over door voor na tot"
        " uit te ten ter tussen tegen zonder niet geen ook nog al zeer er is was waren ben bent wordt worden werd werden heeft hebben"
        " had hadden kan kunnen kon moet moeten zal zullen zou alle andere",
    "pt":
        "o a os as um uma uns umas e ou mas porque que quem qual quais quando onde como quanto quanta quantos quantas de do da dos"
        " das em no na nos nas por pelo pela pelos pelas para com sem sobre entre até desde durante contra ao à aos às não nem se já"
        " muito mais menos também eu tu ele ela nós eles elas você vocês me te lhe lhes meu minha seu sua seus suas nosso este esta"
        " isto esse essa isso aquele aquela é são era eram foi foram ser sido está estão estava tem têm tinha há pode podem outro"
        " outra outros outras todo todos",
}
# fmt: on


def stop_words_of(language: str) -> list[str]:
    """As they are written, empty for other languages."""
    return _WORDS.get(language, "").split()
